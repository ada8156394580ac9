"""The folder of an exported dataset or model: it appears whole, and replaces only an older one."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from genre_core.errors import TransientError, UsageError
from storage.files import digest_file

SUMS, CARD = "SHA256SUMS", "README.md"
MARK = "Made by `genreflow export-dataset`"
"""A line of the card; with the sums, it tells a dataset of ours from the files of others."""
MODEL_MARK = "Made by `genreflow export-model`"
"""The same of a model."""


def require_replaceable(folder: Path, mark: str = MARK) -> None:
    """Refuse a place that an export cannot take: anything but none, an empty or our own folder.

    ``mark`` is in the card of a folder of ours.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise UsageError(f"{folder} is no folder. Name a folder that does not exist yet.")
    if os.path.ismount(folder):
        raise UsageError(f"{folder} is a mount point. Name a folder below it: {folder / 'export'}")
    if any(folder.iterdir()) and (foreign := _find_foreign(folder, mark)):
        raise UsageError(
            f"{folder} is not empty, and {foreign} is not as {mark.removeprefix('Made by ')} wrote "
            "it. Name another folder, or move these files away."
        )


def _find_foreign(folder: Path, mark: str) -> str:
    """Return the name of a file that is not as an export has written it; empty if all are."""
    digests = read_sums(folder)
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    files = {name: path for name, path in there.items() if not path.is_dir() or path.is_symlink()}
    if foreign := sorted(files.keys() - digests.keys() - {SUMS}):
        return foreign[0]
    for name, path in files.items():
        if name != SUMS and (path.is_symlink() or digest_file(path) != digests[name]):
            return name
    card = folder / CARD
    is_ours = card.is_file() and mark in card.read_text("utf-8", errors="replace")
    return "" if is_ours else CARD


@contextmanager
def write_folder(folder: Path, mark: str = MARK) -> Iterator[Path]:
    """Yield a new folder beside ``folder`` to write to, which takes its place at the end.

    If the block fails, nothing is left of it; what a killed process has left is removed by the next
    call. Raises `TransientError` while another process writes there.
    """
    require_replaceable(folder, mark)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part, old = _beside(folder, "part"), _beside(folder, "old")
    with _held(_beside(folder, "lock"), folder):
        if old.exists() and not folder.exists():  # killed while the two changed places
            old.rename(folder)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            yield part
            _take_place(part, folder, mark)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def write_sums(folder: Path, known: Mapping[str, str]) -> None:
    """Write the SHA-256 of all files, as ``sha256sum --check`` reads them; force all to the disk.

    ``known`` are digests by the names of files.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    digests = [known.get(n) or digest_file(path) for n, path in zip(names, files, strict=True)]
    lines = [f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True)]
    (folder / SUMS).write_text("".join(lines), "utf-8")
    for path in (*files, folder / SUMS):
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def read_sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of files by name, as `write_sums` wrote them; empty if nothing did."""
    sums = folder / SUMS
    text = sums.read_text("utf-8", errors="replace") if sums.is_file() else ""
    lines = (line.partition("  ") for line in text.splitlines())
    return {name: digest for digest, _, name in lines}


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.genreflow-{what}")


def _take_place(part: Path, folder: Path, mark: str) -> None:
    """Rename a folder to its place; an older export is moved away first, and removed last."""
    require_replaceable(folder, mark)  # it may have been filled in the meantime
    old = _beside(folder, "old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _held(lock: Path, folder: Path) -> Iterator[None]:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"Another process exports to {folder}; wait until it has ended."
            raise TransientError(message) from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)

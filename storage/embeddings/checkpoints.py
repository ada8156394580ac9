"""The checkpoints of musicnn: those of the installed package, or fetched from the package index.

``musicnn`` requires versions of TensorFlow and NumPy that are years old, so that nothing can depend
on it. Its one wheel, locked by its hash in ``weights.lock``, is installed without dependencies.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from genre_core.errors import TransientError, UsageError
from storage.extras import has_module

PACKAGE = "musicnn"
LOCK = Path(__file__).with_name("weights.lock")
DIGESTS = {
    "MTT_musicnn": "5a310d763b7d8bafda59f31636c3f1b87b5c62d134d7e6ff9b880e4c25515ab4",
    "MSD_musicnn": "ffb40cd66093fac1af5e4bae851c19c767a962aa577d0aa1fa12b426f15215ad",
    "MTT_vgg": "4eb436a338b38d6d52f10c2c1db2a6d0e179b62d438d25820c96b17cce962644",
    "MSD_vgg": "4451d1faa9d27cb599bd0d828766f25ecbf616eeaa1fd5164f49b814a76f2a0a",
}
"""SHA-256 of the index and the data of each checkpoint, one after the other."""
PARTS = (".index", ".data-00000-of-00001")
BY_HAND = "`pip install --no-deps musicnn==0.1.0`"


@contextmanager
def open_checkpoints(names: Sequence[str]) -> Iterator[dict[str, Path]]:
    """Yield the folder of each checkpoint, after its digest was checked.

    Where the package is not installed it is fetched for the length of the block. Raises UsageError
    if there is no installer or the files are others, TransientError if the index is not reached.
    """
    if installed := installed_package():
        yield check_digests(installed, names)
        return
    with TemporaryDirectory(prefix="genreflow-") as folder:
        fetch_package(LOCK, Path(folder))
        yield check_digests(Path(folder, PACKAGE), names)


def installed_package() -> Path | None:
    """Return the folder of the installed package; it is not imported."""
    spec = find_spec(PACKAGE)
    return next(iter(map(Path, (spec and spec.submodule_search_locations) or ())), None)


def check_digests(package: Path, names: Sequence[str]) -> dict[str, Path]:
    """Return the folder of each checkpoint of a package whose files are those of musicnn 0.1.0."""
    folders = {name: package / name for name in names}
    for name, folder in folders.items():
        digest = hashlib.sha256()
        for part in PARTS:
            file = folder / part
            digest.update(file.read_bytes() if file.is_file() else b"")
        if digest.hexdigest() != DIGESTS[name]:
            raise UsageError(
                f"The weights in {folder} are not those of musicnn 0.1.0. Install them again: "
                "pip install --no-deps --force-reinstall musicnn==0.1.0"
            )
    return folders


def fetch_package(lock: Path, folder: Path) -> None:
    """Install what a lock file names into a folder, its hash checked, by pip or uv.

    They use the index, the proxy and the certificates that the user has set for them.
    """
    options = (
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--target",
        folder,
        "--requirement",
        lock,
    )
    ended = subprocess.run(
        [*require_installer(), *options],
        capture_output=True,
        text=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    if ended.returncode:
        why = " ".join(ended.stderr.split())[-300:]
        raise TransientError(
            f"The weights of musicnn could not be fetched from the package index: {why} "
            f"Try again, or install them by hand: {BY_HAND}."
        )


def require_installer() -> list[str]:
    """Return the command that installs packages: the pip of this Python, else uv."""
    if has_module("pip"):
        return [sys.executable, "-m", "pip", "install"]
    if uv := which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    raise UsageError(
        "The weights of musicnn are not installed, and there is neither pip nor uv to fetch them. "
        f"Install uv, or them: {BY_HAND}; or do without them: "
        'representations = ["thesis"] in genreflow.toml.'
    )

"""Archives of collections, as they are published: unpacked once, whole or not at all."""

import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from genre_core.errors import GenreflowError, TransientError, UsageError
from genre_core.records import counted
from storage.sources.published import unpack_zip

_MOST_FILES = 250_000
_MOST_BYTES = 1 << 40
_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2")


def find_archives(places: Sequence[Path], names: Sequence[str]) -> list[Path]:
    """Return the archives of these names, patterns without suffix, that lie in some folders.

    One that lies beside the folder of its name was unpacked by its owner.
    """
    found = [
        path
        for place in places
        for name in names
        for path in sorted(place.glob(name))
        if path.name.endswith(_SUFFIXES) and path.is_file()
    ]
    return [path for path in dict.fromkeys(found) if not path.with_name(_stem(path)).exists()]


def open_archive(archive: Path, folder: Path) -> Path:
    """Return a folder with what an archive holds; it is below ``folder``, and unpacked once.

    It is named by the archive, its size and its time: another archive of that name has another.
    """
    if not archive.name.endswith(_SUFFIXES):
        raise UsageError(f"{archive} is no archive ({', '.join(_SUFFIXES)}). Name a folder.")
    facts = archive.stat()
    unpacked = folder / f"{_stem(archive)}-{facts.st_size:x}-{facts.st_mtime_ns:x}"
    if unpacked.is_dir():
        return unpacked
    part = folder / f".{unpacked.name}.unpacking"
    shutil.rmtree(part, ignore_errors=True)
    try:
        _unpack(archive, part)
        part.replace(unpacked)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise UsageError(f"{archive} is damaged ({error}). Fetch it again.") from error
    except OSError as error:
        raise TransientError(
            f"{archive} cannot be unpacked into {folder}: {error}. Free some space and retry."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return unpacked


def _stem(archive: Path) -> str:
    return archive.name.removesuffix(next(s for s in _SUFFIXES if archive.name.endswith(s)))


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as zipped:
            top = _top(archive, zipped.namelist())
        folder.mkdir(parents=True)
        unpack_zip(archive, folder / top, _MOST_FILES, _MOST_BYTES)
        return
    with tarfile.open(archive) as tar:
        members = _list_tar(archive, tar)
        _top(archive, [member.name for member in members])
        folder.mkdir(parents=True)
        tar.extractall(folder, members, filter="data")


def _list_tar(archive: Path, tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """Return the members; raises `GenreflowError` as soon as they are too many or too large."""
    members: list[tarfile.TarInfo] = []
    n_bytes = 0
    for member in tar:
        members.append(member)
        n_bytes += member.size
        if len(members) > _MOST_FILES or n_bytes > _MOST_BYTES:
            raise GenreflowError(f"{archive} holds more files or bytes than it should.")
    return members


def _top(archive: Path, names: Sequence[str]) -> str:
    """Return the one folder that an archive holds, by the names of its members."""
    tops = {parts[0] for name in names if (parts := PurePosixPath(name).parts)}
    if len(tops) != 1 or next(iter(tops)) in ("..", "/"):
        raise UsageError(
            f"{archive} holds {counted(len(tops), 'folder or file', 'folders and files')} at its "
            "top, and one folder is expected. Unpack it, and name the folder."
        )
    return next(iter(tops))

"""Archives of collections, as they are published: unpacked once, whole or not at all."""

import shutil
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from genre_core.errors import TransientError, UsageError
from genre_core.records import counted
from storage.sources.published import unpack_zip

_MOST_FILES = 250_000
_MOST_BYTES = 1 << 40
_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2")


def open_places(places: Sequence[Path], folder: Path) -> list[Path]:
    """Return folders for places that may be archives, or folders of archives and no songs.

    What an archive holds appears below ``folder``, under the name that it has in the archive; what
    is there already is not unpacked again.
    """
    opened: list[Path] = []
    for place in places:
        archives = [place] if place.is_file() else _archives_in(place)
        for archive in archives:
            _unpack(archive, folder)
        if place.is_dir():
            opened.append(place)
        if archives and folder not in opened:
            opened.append(folder)
    return opened


def _archives_in(place: Path) -> list[Path]:
    """Archives that lie in a folder unpacked by nobody."""
    if not place.is_dir():
        raise UsageError(f"{place} is not there. Name the folder or the archive of the collection.")
    found = sorted(path for path in place.iterdir() if path.name.endswith(_SUFFIXES))
    return [path for path in found if path.is_file() and not (place / _stem(path)).exists()]


def _stem(archive: Path) -> str:
    return archive.name.removesuffix(next(s for s in _SUFFIXES if archive.name.endswith(s)))


def _unpack(archive: Path, folder: Path) -> None:
    if not archive.name.endswith(_SUFFIXES):
        raise UsageError(f"{archive} is no archive ({', '.join(_SUFFIXES)}). Name a folder.")
    try:
        top = _top(archive)
        if (folder / top).is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True)
        if archive.suffix == ".zip":
            unpack_zip(archive, folder / top, _MOST_FILES, _MOST_BYTES)
        else:
            _unpack_tar(archive, folder / top)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise UsageError(f"{archive} is damaged ({error}). Fetch it again.") from error
    except OSError as error:
        raise TransientError(
            f"{archive} cannot be unpacked into {folder}: {error}. Free some space and retry."
        ) from error


def _top(archive: Path) -> str:
    """Return the one folder that an archive holds."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as zipped:
            names = zipped.namelist()
    else:
        with tarfile.open(archive) as tar:
            names = [member.name for member in tar]
    tops = {parts[0] for name in names if (parts := PurePosixPath(name).parts)}
    if len(tops) != 1 or next(iter(tops)) in ("..", "/"):
        raise UsageError(
            f"{archive} holds {counted(len(tops), 'folder or file', 'folders and files')} at its "
            "top, and one folder is expected. Unpack it, and name the folder."
        )
    return next(iter(tops))


def _unpack_tar(archive: Path, folder: Path) -> None:
    unpacked = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        (unpacked / folder.name).replace(folder)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)

"""Public collections that can be downloaded: where they are published, and what they must be."""

import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from genre_core.errors import GenreflowError, TransientError, UsageError
from storage.fetch.limits import DownloadLimits
from storage.home import DataLayout

FMA_URL = "https://os.unil.cloud.switch.ch/fma"
_GIB = 1 << 30
_ENCRYPTED = 0x1
LONGEST_DOWNLOAD_S = 86_400.0

OnBytes = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A zip file as published; its folder has the name of the file.

    The bounds of the file and of its contents lie above what the publishers state.
    """

    name: str
    sha1: str
    max_bytes: int
    max_files: int
    max_unpacked_bytes: int


# Addresses and sums: the README of github.com/mdeff/fma.
_METADATA = Archive(
    name="fma_metadata",
    sha1="f0df49ffe5f2a6008d7dc83c6915b31835dfe733",
    max_bytes=_GIB,
    max_files=1_000,
    max_unpacked_bytes=8 * _GIB,
)
_SMALL = Archive(
    name="fma_small",
    sha1="ade154f733639d52e35e32f5593efe5be76c6d70",
    max_bytes=10 * _GIB,
    max_files=10_000,
    max_unpacked_bytes=12 * _GIB,
)
_MEDIUM = Archive(
    name="fma_medium",
    sha1="c67b69ea232021025fca9231fc1c7c1a063ab50b",
    max_bytes=30 * _GIB,
    max_files=30_000,
    max_unpacked_bytes=40 * _GIB,
)
COLLECTIONS = {"fma-small": (_METADATA, _SMALL), "fma-medium": (_METADATA, _MEDIUM)}


def download_collection(
    layout: DataLayout, name: str, base_url: str, limits: DownloadLimits, on_bytes: OnBytes
) -> Path:
    """Fetch a published collection to ``layout.collections / name``; existing parts are kept.

    ``name`` is a key of `COLLECTIONS`; ``limits`` hold except for size and time, of which the
    archives have bounds of their own. ``on_bytes`` gets the file, how many bytes of it are there,
    and how many it has (0: unknown).
    """
    if name not in COLLECTIONS:
        known = ", ".join(COLLECTIONS)
        raise UsageError(f"There is no collection {name!r} to download. Choose among: {known}.")
    folder = layout.collections / name
    for archive in COLLECTIONS[name]:
        if not (folder / archive.name).is_dir():
            url = f"{base_url.rstrip('/')}/{archive.name}.zip"
            _install(archive, folder, url, limits, on_bytes)
    return folder


def _install(
    archive: Archive, folder: Path, url: str, limits: DownloadLimits, on_bytes: OnBytes
) -> None:
    from storage.fetch.http import fetch_archive  # httpx is loaded only for addresses

    zipped = folder / f"{archive.name}.zip"
    bounds = replace(limits, max_bytes=archive.max_bytes, deadline_s=LONGEST_DOWNLOAD_S)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fetch_archive(url, zipped, archive.sha1, bounds, partial(on_bytes, zipped.name))
        try:
            folder = zipped.with_suffix("")
            unpack_zip(zipped, folder, archive.max_files, archive.max_unpacked_bytes)
        except GenreflowError:  # a damaged archive is fetched again
            zipped.unlink()
            raise
        zipped.unlink()
    except OSError as error:
        message = f"{zipped} cannot be written or unpacked: {error}. Free some space and retry."
        raise TransientError(message) from error


def unpack_zip(archive: Path, folder: Path, max_files: int, max_bytes: int) -> None:
    """Unpack the one folder that a zip file holds; it appears under its name when complete.

    All members must be plain files below one top folder with the name of ``folder``. The limits are
    checked before anything is written; no member can unpack to more than it declares.
    """
    unpacked = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as file:
            members = file.infolist()
            if len(members) > max_files:
                raise GenreflowError(f"{archive} holds {len(members)} files: more than it should.")
            if sum(member.file_size for member in members) > max_bytes:
                raise GenreflowError(f"{archive} unpacks to more than {max_bytes} bytes.")
            if odd := [one.filename for one in members if not _is_plain(one, folder.name)]:
                message = f"{archive} holds what it should not: {odd[0]!r}. It is not unpacked."
                raise GenreflowError(message)
            file.extractall(unpacked, members)
        (unpacked / folder.name).replace(folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise TransientError(f"{archive} is damaged ({error}). Fetch it again.") from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _is_plain(member: zipfile.ZipInfo, top: str) -> bool:
    path = PurePosixPath(member.orig_filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    return (
        path.parts[:1] == (top,)
        and ".." not in path.parts
        and not {"\\", "\0"} & set(member.orig_filename)
        and kind in (0, stat.S_IFREG, stat.S_IFDIR)
        and not member.flag_bits & _ENCRYPTED
    )

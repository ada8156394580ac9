"""Public collections that can be downloaded: where they are published, and what they must be."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from genre_core.errors import GenreflowError, TransientError, UsageError
from storage.fetch.archives import UnpackLimits, unpack_zip
from storage.fetch.limits import DownloadLimits
from storage.home import DataLayout

FMA_URL = "https://os.unil.cloud.switch.ch/fma"
_GIB = 1 << 30
LONGEST_DOWNLOAD_S = 86_400.0

OnBytes = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A zip file as published; its folder has the name of the file.

    ``max_bytes`` bounds the file, ``contents`` what it unpacks to: both lie above what the
    publishers state.
    """

    name: str
    sha1: str
    max_bytes: int
    contents: UnpackLimits


# Addresses and sums: the README of github.com/mdeff/fma.
_METADATA = Archive(
    name="fma_metadata",
    sha1="f0df49ffe5f2a6008d7dc83c6915b31835dfe733",
    max_bytes=_GIB,
    contents=UnpackLimits(max_files=1_000, max_bytes=8 * _GIB),
)
_SMALL = Archive(
    name="fma_small",
    sha1="ade154f733639d52e35e32f5593efe5be76c6d70",
    max_bytes=10 * _GIB,
    contents=UnpackLimits(max_files=10_000, max_bytes=12 * _GIB),
)
_MEDIUM = Archive(
    name="fma_medium",
    sha1="c67b69ea232021025fca9231fc1c7c1a063ab50b",
    max_bytes=30 * _GIB,
    contents=UnpackLimits(max_files=30_000, max_bytes=40 * _GIB),
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
            unpack_zip(zipped, zipped.with_suffix(""), archive.contents)
        except GenreflowError:  # a damaged archive is fetched again
            zipped.unlink()
            raise
        zipped.unlink()
    except OSError as error:
        message = f"{zipped} cannot be written or unpacked: {error}. Make room, and try again."
        raise TransientError(message) from error

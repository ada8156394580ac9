"""List the songs of a music library, whatever form it has."""

from pathlib import Path

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.sources.folder import list_folder
from storage.sources.manifest import MANIFEST_SUFFIXES, list_manifest


def list_sources(music: str | Path) -> list[Source]:
    """List the songs of a folder or a manifest.

    Parameters
    ----------
    music : str or Path
        A folder that holds a ``manifest.csv`` is read by it, another folder by its genre folders,
        a file as a manifest.

    Returns
    -------
    list of Source
        In an order that is the same every time.

    Raises
    ------
    UsageError
        If there is nothing of that name, it is neither, it may not be read, or it holds no song.
    """
    place = Path(music).expanduser()
    try:
        sources = _list_place(place)
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}. Check its rights.") from error
    if not sources:
        message = f"{place} holds no songs. Put them in one folder per genre, or name a manifest."
        raise UsageError(message)
    return sources


def _list_place(place: Path) -> list[Source]:
    if not place.exists():
        raise UsageError(f"{place} is not there. Name a folder of music or a manifest.")
    if place.is_dir():
        manifest = place / "manifest.csv"
        return list_manifest(manifest) if manifest.is_file() else list_folder(place)
    if place.suffix.lower() not in MANIFEST_SUFFIXES:
        known = ", ".join(MANIFEST_SUFFIXES)
        message = f"{place} is neither a folder nor a manifest ({known})."
        raise UsageError(message)
    return list_manifest(place)

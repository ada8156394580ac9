"""GTZAN (Tzanetakis and Cook 2002) as it is distributed: a folder a genre, a thousand clips."""

import re
from dataclasses import replace
from pathlib import Path

from genre_core.records import Source
from storage.sources.folder import list_folder

_FOLDERS = ("genres", "genres_original")
_CLIP = re.compile(r"(?P<genre>\w+)\.\d{5}\.(au|wav)", re.ASCII)


def find_gtzan(place: Path) -> list[Path]:
    """Give the folders of genres that a place means; empty if it is no such collection.

    Parameters
    ----------
    place : Path
        ``genres`` or ``genres_original`` itself, or the folder that holds one of them.
    """
    inside = [place / name for name in _FOLDERS]
    return [folder for folder in (place, *inside) if folder.is_dir() and _holds_clips(folder)]


def list_gtzan(folders: list[Path]) -> list[Source]:
    """List the songs of every genre folder; nothing is known of artists.

    Parameters
    ----------
    folders : list of Path
        From `find_gtzan`. A file with another name than a clip's is a song as well.

    Returns
    -------
    list of Source
        Sorted by location; the title is the name of the clip.
    """
    found = [
        replace(source, title=Path(source.location).stem)
        for folder in folders
        for source in list_folder(folder)
    ]
    return sorted(found, key=lambda source: source.location)


def _holds_clips(folder: Path) -> bool:
    return any(
        (clip := _CLIP.fullmatch(path.name)) and clip["genre"] == path.parent.name
        for path in folder.glob("*/*.00*.*")
    )

"""The links of a chained Ogg file: streams one after the other, as recorded radio has them."""

import mmap
import re
from itertools import pairwise
from pathlib import Path

from genre_core.errors import TrackRejected
from genre_core.records import Reason

# Radio that runs for days has a link a song; each costs an opening.
_MAX_LINKS = 2_000
# The page that a logical stream of an Ogg file begins with (RFC 3533, section 6).
_FIRST_PAGE = re.compile(rb"OggS\0[\2\3\6\7]")

Link = tuple[int, int]


def find_links(path: Path) -> list[Link | None]:
    """Links of a chained Ogg file, which each begin anew: first byte and byte behind the last.

    ``[None]``, the file as it is, for any other. libavformat adds no times of links, and ends
    where a link has another rate or other channels.
    """
    if not path.is_file():  # explained where it is opened
        return [None]
    try:
        with path.open("rb") as file:
            if file.read(4) != b"OggS":
                return [None]
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as song:
                begins = [*_link_begins(song, path), len(song)]
    except OSError:
        return [None]
    return list(pairwise(begins)) if len(begins) > 2 else [None]


def _link_begins(song: mmap.mmap, path: Path) -> list[int]:
    """Where a first page follows one that is not: streams side by side begin together."""
    begins: list[int] = []
    behind = 0
    for page in _FIRST_PAGE.finditer(song):
        place = page.start()
        if not begins or place != behind:
            begins.append(place)
        lacing = song[
            place + 27 : place + 27 + int.from_bytes(song[place + 26 : place + 27], "big")
        ]
        behind = place + 27 + len(lacing) + sum(lacing)
        if len(begins) > _MAX_LINKS:
            message = f"{path} chains over {_MAX_LINKS} streams. Split it into songs."
            raise TrackRejected(Reason.UNDECODABLE, message)
    return begins

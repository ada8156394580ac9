"""Which addresses are pages of music sites; nobody is asked to know it."""

from __future__ import annotations  # yt-dlp takes a moment to load

from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from storage.sites.words import find_candidates
from storage.sources.folder import AUDIO_SUFFIXES
from storage.web.addresses import SCHEMES

if TYPE_CHECKING:
    from yt_dlp.extractor.common import InfoExtractor

NO_SITE = "Generic"
# the address holds the id that the archive has; elsewhere it may hold a name that others share
_SELF_NAMED = frozenset(("Youtube", "Vimeo", "Dailymotion"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of a music site.

    Attributes
    ----------
    site : str
        The family of extractors of yt-dlp: ``soundcloud``, ``youtube``, ``bandcamp``.
    song_id : str
        ``extractor id`` as in a download archive, if the address tells it.
    is_song : bool or None
        True for one song, False for a list of songs, None where only the site knows.
    """

    site: str
    song_id: str
    is_song: bool | None


@lru_cache(maxsize=1024)
def find_page(url: str) -> Page | None:
    """Give what yt-dlp knows of an address; None if it is the page of no site.

    An address that ends as audio files do is that of a file.
    """
    if not _is_perhaps_page(url):
        return None
    extractor = _find_extractor(url)
    if extractor is None or extractor.ie_key() == NO_SITE:
        return None
    return Page(
        site=extractor.IE_NAME.partition(":")[0].lower(),
        song_id=_song_id(extractor, url),
        is_song=extractor.is_single_video(url),
    )


def _is_perhaps_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    suffix = PurePosixPath(unquote(parts.path)).suffix.lower()
    return parts.scheme.lower() in SCHEMES and suffix not in AUDIO_SUFFIXES


def _find_extractor(url: str) -> type[InfoExtractor] | None:
    from yt_dlp.extractor import gen_extractor_classes

    candidates = find_candidates(url, tuple(gen_extractor_classes()))
    return next((e for e in candidates if e.suitable(url)), None)


def _song_id(extractor: type[InfoExtractor], url: str) -> str:
    if extractor.ie_key() not in _SELF_NAMED:
        return ""
    return f"{extractor.ie_key().lower()} {extractor.get_temp_id(url)}"

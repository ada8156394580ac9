"""Which addresses are pages of music sites; nobody is asked to know it."""

from __future__ import annotations  # yt-dlp takes a moment to load

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from storage.fetch.addresses import SCHEMES
from storage.sources.folder import AUDIO_SUFFIXES

if TYPE_CHECKING:
    from yt_dlp.extractor.common import InfoExtractor

_SHORTEST = 3
_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)

Words = frozenset[str]
_NONE: Words = frozenset()


def find_candidates(
    url: str, extractors: tuple[type[InfoExtractor], ...]
) -> list[type[InfoExtractor]]:
    """Give the extractors that may know an address, in their order; no other one does."""
    places_of, always = _index(extractors)
    text = url.lower()
    found = {place for word, places in places_of.items() if word in text for place in places}
    return [extractors[place] for place in sorted(found.union(always))]


@lru_cache(maxsize=2)
def _index(
    extractors: tuple[type[InfoExtractor], ...],
) -> tuple[dict[str, list[int]], list[int]]:
    """Give the places of the extractors by word, and of those that ask for none."""
    places_of: dict[str, list[int]] = {}
    always = []
    for place, extractor in enumerate(extractors):
        words = _words_of(extractor)
        for word in words:
            places_of.setdefault(word, []).append(place)
        if not words:
            always.append(place)
    return places_of, always


def _words_of(extractor: type[InfoExtractor]) -> Words:
    """Give words of which an address of the extractor holds at least one."""
    patterns = extractor._VALID_URL or ()
    return _any_of(
        needed_words(_parser.parse(pattern))
        for pattern in ([patterns] if isinstance(patterns, str) else patterns)
    )


def needed_words(parsed: Iterable[tuple[Any, Any]]) -> Words:
    """Give words, in lower case, of which whatever matches a parsed pattern holds at least one.

    None if there are no such words, or if they are too short to tell anything.
    """
    best, run = _NONE, ""
    for kind, part in parsed:
        if kind is _constants.LITERAL and part < 128:
            run += chr(part).lower()
            continue
        best, run = max(best, _word(run), _needed_by(kind, part), key=_rarity), ""
    return max(best, _word(run), key=_rarity)


def _needed_by(kind: object, part: Any) -> Words:  # noqa: ANN401
    """Give the words that one part of a pattern needs."""
    if kind is _constants.SUBPATTERN:
        return needed_words(part[-1])
    if kind in _REPEATS and part[0] > 0:
        return needed_words(part[-1])
    if kind is _constants.BRANCH:
        return _any_of(needed_words(branch) for branch in part[1])
    return _NONE


def _any_of(choices: Iterable[Words]) -> Words:
    """Give the words of all choices; none if one of them can do without."""
    sets = list(choices)
    return _NONE.union(*sets) if all(sets) else _NONE


def _word(run: str) -> Words:
    return frozenset([run]) if len(run) >= _SHORTEST and run not in "https://" else _NONE


def _rarity(words: Words) -> int:
    return min(map(len, words), default=0)


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

"""Which extractors may know an address: those whose pattern asks for words that it holds.

To ask all of them takes some milliseconds, too long for a manifest of 100,000 addresses. A pattern
cannot be turned round, but most need a word, ``soundcloud.com/`` or one of ``odysee.com`` and
``lbry.tv``; where there is none of them, the pattern need not be tried. Extractors with a judgement
of their own only narrow their pattern by it: it takes the address apart afterwards.
"""

from __future__ import annotations  # yt-dlp takes a moment to load

from collections.abc import Iterable
from functools import lru_cache
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

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

"""Artists of a song: the names in its tags, one by one (album effect: Flexer, ISMIR 2007)."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_FEATURED = re.compile(
    r"[(\[{（]\s*(?:(?:feat|ft)\.\s*|(?:feat|ft|featuring|w/)\s+)([^)\]}）]*)[)\]}）]"
    r"|(?:^|\s)(?:(?:feat|ft)\.\s*|(?:feat|ft|featuring|w/)\s+)([^(\[{（]*).*$",
    re.IGNORECASE,
)
_SURE = re.compile(r"\s*(?:;|\0|\\\\|\s/\s|\svs\.?\s|\s(?:pres\.|presents)\s)\s*", re.IGNORECASE)
_UNSURE = re.compile(
    r"\s*(?:,|&|\+|/|、|\||｜|•|\s(?:and|und|et|y|e|och|x|×|with|mit|con|avec)\s)\s*", re.IGNORECASE
)
_LAST_ARTICLE = re.compile(r"^([^,;&]+), (the|die|der|das|les|los|las|le|la|el)$", re.IGNORECASE)

_COMPILATIONS = (
    "variousartists various va variousartist artistesvarios variosartistas varios artistesdivers "
    "diversartistes diverseinterpreten verschiedeneinterpreten verschiedene verschiedenekünstler "
    "diverse diverseartiester artistivari vvaa aavv artistesvariés "
    "interprètesdivers soundtrack originalsoundtrack ost разныеисполнители 群星 オムニバス "
    "ヴァリアスアーティスト"
)
COMPILATIONS = frozenset(_COMPILATIONS.split())
"""Folded names that stand for many artists."""

_NOBODY = "unknown unknownartist noartist na nan none null artist untitled"
NOBODY = frozenset(_NOBODY.split())
"""Folded names that players and taggers write where they know none."""

_GENERIC = (
    "friends band hisband herband theband orchestra hisorchestra chamberorchestra choir chorus "
    "ensemble trio quartet quintet sextet co company sons son family crew guests others more "
    "various jr junior sr dj mc"
)
GENERIC = frozenset(_GENERIC.split())
"""Folded parts of names that tell of no artist of their own: ``"Ada & Friends"``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """The tags of a song that name artists."""

    artist: str = ""
    title: str = ""
    album_artist: str = ""


@lru_cache(maxsize=2**18)
def fold_artist(artist: str) -> str:
    """Fold case, spaces and punctuation: ``"The  B-52's"`` and ``"the b52s"`` are one artist.

    An article that was put last comes first again (``"Beatles, The"``), and ``the`` does not count.
    """
    folded = unicodedata.normalize("NFKC", artist).casefold().strip()
    folded = _LAST_ARTICLE.sub(r"\2 \1", folded)
    folded = re.sub(r"^the\s+(?=\w)", "", folded)
    return re.sub(r"[\W_]+", "", folded) or folded


def name_artists(credits: Sequence[Credit]) -> list[tuple[str, ...]]:
    """Return the folded names of the artists of each song, its main artist first.

    Parameters
    ----------
    credits : sequence of Credit [shape=(n_songs,)]
        Of the whole library: they decide which parts of a name are names.

    Returns
    -------
    list of tuple of str [shape=(n_songs,)]
        Empty where nobody is named. Compilations ("Various Artists") name nobody.

    Notes
    -----
    ``;``, ``feat.``, ``vs.`` and a slash between spaces separate artists. Commas, ``&``, ``and``,
    ``x`` and the like are parts of many names (Earth, Wind & Fire; AC/DC; Simon & Garfunkel):
    such a name stays whole, and is divided beside that only where a part is the name of an artist
    of another song, or a part of the name of another one.
    """
    certain = {credit: _certain_names(credit) for credit in set(credits)}
    together = set(certain.values())
    spelled = sorted({name for names in together for name in names})
    parts = {name: _parts(name) for name in spelled}
    known = {fold_artist(name) for name in spelled}
    shared = Counter(part for found in parts.values() for part in found)
    known |= {part for part, n_names in shared.items() if n_names > 1}
    keys = {names: _keys(names, parts, known) for names in together}
    return [keys[certain[credit]] for credit in credits]


def _keys(
    names: Sequence[str], parts: dict[str, frozenset[str]], known: set[str]
) -> tuple[str, ...]:
    keys = [fold_artist(name) for name in names]
    divided = sorted(part for name in names for part in parts[name] if part in known)
    return tuple(dict.fromkeys([*keys, *divided]))


def _certain_names(credit: Credit) -> tuple[str, ...]:
    """Names that are separated for certain: artist, featured artists, album artist."""
    featured = [name for text in (credit.artist, credit.title) for name in _featured(text)]
    texts = [_FEATURED.sub("", credit.artist), *featured, _FEATURED.sub("", credit.album_artist)]
    names = [name.strip() for text in texts for name in _SURE.split(text)]
    return tuple(dict.fromkeys(name for name in names if _is_artist(fold_artist(name))))


def _featured(text: str) -> list[str]:
    return [bracketed or last for bracketed, last in _FEATURED.findall(text)]


def _parts(name: str) -> frozenset[str]:
    """Folded parts of a name that may be two; none for one."""
    if _LAST_ARTICLE.match(name):
        return frozenset()
    parts = {fold_artist(part) for part in _UNSURE.split(name)} - {fold_artist(name)}
    return frozenset(part for part in parts if _is_artist(part) and part not in GENERIC)


def _is_artist(folded: str) -> bool:
    return bool(folded) and folded not in COMPILATIONS | NOBODY

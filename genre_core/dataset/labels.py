"""A source's labels become genres of the user, or are reported as unknown; none is guessed."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from genre_core.errors import UsageError
from genre_core.records import Source, counted

MAX_NAMED = 12
"""Genres that a sentence names."""


class LabelsFrom(StrEnum):
    """Where the labels of a library are: names of its folders, tags of its files, or a table."""

    FOLDER = "folder"
    TAG = "tag"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRules:
    """How the labels of sources become genres.

    A label is looked up in ``genre_map`` as it is written, then without regard to case and to space
    around it. Without a map labels are taken as they are; without ``genres`` all are allowed that
    the map leads to. ``takes_unlabelled``: songs without a label are taken in, to be predicted and
    never trained on. ``label_from`` is a value of `LabelsFrom`; empty: as the layout is.
    """

    genre_map: Mapping[str, str] = field(default_factory=dict)
    genres: Sequence[str] = ()
    takes_unlabelled: bool = False
    label_from: str = ""


def label_sources(
    sources: Iterable[Source], genre_map: Mapping[str, str], genres: Sequence[str]
) -> list[Source]:
    """Return sources as `label_source` does; labels that many have are looked up once."""
    found: dict[tuple[object, ...], Source] = {}
    labelled = []
    for source in sources:
        labels = (source.genre, source.labels, source.label_fault, source.is_unlabelled)
        if labels not in found:
            found[labels] = label_source(source, genre_map, genres)
        one = found[labels]
        if (one.genre, one.labels, one.label_fault) != labels[:3]:
            source = replace(
                source, genre=one.genre, labels=one.labels, label_fault=one.label_fault
            )
        labelled.append(source)
    return labelled


def label_source(source: Source, genre_map: Mapping[str, str], genres: Sequence[str]) -> Source:
    """Return a source with the genre that its labels mean, by `LabelRules`.

    If they do not lead to exactly one, the labels stay as its genre, and ``label_fault`` explains.
    One label without a map stays as it is, and so does an unlabelled song.
    """
    if source.is_unlabelled:
        return source
    labels = source.labels or ((source.genre,) if source.genre else ())
    if len(labels) == 1 and not genre_map:
        return replace(source, genre=labels[0], labels=())
    found = {genre for label in labels if (genre := _find_genre(label, genre_map, genres))}
    if len(found) == 1:
        return replace(source, genre=found.pop(), labels=())
    fault = source.label_fault or _explain(labels, found)
    return replace(source, genre=", ".join(labels), labels=(), label_fault=fault)


def unify_genres(sources: Sequence[Source], known: Iterable[str]) -> list[Source]:
    """Return sources whose genres have one spelling each.

    Genres that differ only in case, in space or in the form of their accents are one: the first
    such one of ``known``, or else the most frequent, its space tidied and its accents composed.
    """
    exact = list(dict.fromkeys(known))
    counts = Counter(s.genre for s in sources if s.genre and not s.label_fault)
    frequent = sorted(counts, key=lambda genre: (-counts[genre], genre))
    spellings = {_fold(genre): genre for genre in reversed(exact)}
    for genre in frequent:
        composed = " ".join(unicodedata.normalize("NFC", genre).split())
        spellings.setdefault(_fold(genre), composed)
    unified = {genre: spellings[_fold(genre)] for genre in counts if genre not in exact}
    return [
        s
        if s.label_fault or unified.get(s.genre, s.genre) == s.genre
        else replace(s, genre=unified[s.genre])
        for s in sources
    ]


def describe_labels(sources: Sequence[Source]) -> str:
    """Name the genres of sources, the most frequent first, and how many have none."""
    n_songs = Counter(s.genre for s in sources if s.genre and not s.label_fault)
    named = [f"{genre} {n}" for genre, n in n_songs.most_common(MAX_NAMED)]
    if len(n_songs) > MAX_NAMED:
        named.append(f"{len(n_songs) - MAX_NAMED} more genres")
    if n_bare := len(sources) - n_songs.total():
        named.append(f"{counted(n_bare, 'song')} without a genre")
    return ", ".join(named)


def explain_label(source: Source, genres: Sequence[str]) -> str:
    """Explain why a source cannot be taken in under its label; empty if it can."""
    if source.label_fault or source.is_unlabelled or not genres or source.genre in genres:
        return source.label_fault
    return (
        f"the genre {source.genre!r} is not among the genres of the settings: "
        f"{', '.join(genres)}. Add it to `genres`, or correct the label."
    )


def require_genres(genres: Sequence[str], sources: Sequence[Source], held: Collection[str]) -> None:
    """Raise `UsageError` if one of ``genres`` is that of no song, and songs have other ones.

    It may be a slip of the pen, and those songs would be left out without need.
    """
    listed = Counter(source.genre for source in sources if source.genre)
    missing = [genre for genre in genres if genre not in listed and genre not in held]
    if missing and not listed.keys() <= set(genres):
        there = ", ".join(f"{genre} ({n_songs})" for genre, n_songs in sorted(listed.items()))
        raise UsageError(
            f"No song has the genre {', '.join(map(repr, missing))}. There is: {there or 'none'}. "
            "Correct `genres` (--genre), or the labels."
        )


def _find_genre(label: str, genre_map: Mapping[str, str], genres: Sequence[str]) -> str:
    """Genre of a label; empty if it has none, or if its case leaves two."""
    if not genre_map and not genres:
        return label
    table = {genre: genre for genre in (*genre_map.values(), *genres)} | dict(genre_map)
    folded = {genre for name, genre in table.items() if _fold(name) == _fold(label)}
    genre = table.get(label) or (folded.pop() if len(folded) == 1 and genre_map else "")
    return genre if not genres or genre in genres else ""


def _fold(label: str) -> str:
    return " ".join(unicodedata.normalize("NFC", label).casefold().split())


def _explain(labels: Sequence[str], found: set[str]) -> str:
    named = ", ".join(repr(label) for label in labels)
    if not labels:
        return "its source gives it no genre. Name it in a manifest if you know the genre."
    if found:
        return (
            f"its labels {named} mean several genres: {', '.join(sorted(found))}. "
            "Map one of them alone in `genre_map`, or name the song in a manifest."
        )
    return (
        f"no genre is known for {named}: neither `genre_map` nor `genres` has it. "
        "Map it in `genre_map`, or leave the song out."
    )

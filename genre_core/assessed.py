"""Assessed songs: which sets hold the true genre, and which known songs are called unknown."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.bootstrap import Interval, bootstrap, sum_by_group


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessedSong:
    """A song of a genre that the model knows, and that it was not fitted on.

    Attributes
    ----------
    source : str
        Where it comes from, as `audit.sources.name_sources` names it.
    is_held : bool
        Whether its set of alternatives holds its genre.
    n_alternatives : int
    unknown : bool or None
        Whether it was called unknown; None where nobody can say.
    """

    source: str
    group_id: str
    is_held: bool
    n_alternatives: int
    unknown: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSummary:
    """Counts over the assessed songs of one source; ``n_unknown`` is None where nobody can say."""

    source: str
    n_songs: int
    n_held: int
    mean_alternatives: float
    n_unknown: int | None


def summarise(source: str, songs: Sequence[AssessedSong]) -> SourceSummary:
    """Count the songs of one source, one at least."""
    told = [song.unknown for song in songs if song.unknown is not None]
    return SourceSummary(
        source=source,
        n_songs=len(songs),
        n_held=sum(song.is_held for song in songs),
        mean_alternatives=float(np.mean([song.n_alternatives for song in songs])),
        n_unknown=sum(told) if told else None,
    )


def summarise_sources(songs: Sequence[AssessedSong]) -> list[SourceSummary]:
    """Summarise each source, the one with the most songs first."""
    by_source: dict[str, list[AssessedSong]] = defaultdict(list)
    for song in songs:
        by_source[song.source].append(song)
    found = [summarise(source, members) for source, members in by_source.items()]
    return sorted(found, key=lambda one: (-one.n_songs, one.source))


def set_coverage(songs: Sequence[AssessedSong], rng: np.random.Generator) -> Interval:
    """Share of sets that hold the true genre, with its interval by group (artist)."""
    values = np.array([[song.is_held, 1.0] for song in songs])
    sums = sum_by_group(values, [song.group_id for song in songs])
    return bootstrap(sums, lambda summed: summed[..., :1] / summed[..., 1:], rng)[0].within(0, 1)

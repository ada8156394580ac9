"""Certainty of predictions: confidence, alternatives, novelty; fitted beside a model.

Alternatives are conformal sets. Vovk, Gammerman and Shafer, Algorithmic Learning in a Random
World, 2005: the guarantee. Sadinle, Lei and Wasserman, Least Ambiguous Set-Valued Classifiers with
Bounded Error Levels, JASA 2019: the score of a genre is one minus its probability.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import Interval, share_interval
from genre_core.evaluation.calibration import require_pairs
from genre_core.evaluation.novelty import Novelty
from genre_core.evaluation.songs import Probabilities
from genre_core.examples import Float32Array, Int64Array

ROUNDING = 1e-9
"""Taken from a rank before it is rounded up, and from a least probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionConfig:
    """Settings of predictions; a change applies to models trained after it.

    Attributes
    ----------
    refuse_share : float
        Share of songs by new artists, of known genres, that may be called unknown.
    coverage : float
        Share of the sets of alternatives that should contain the true genre.
    """

    refuse_share: float = 0.05
    coverage: float = 0.90

    def __post_init__(self) -> None:
        for name in ("refuse_share", "coverage"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(
                    f"prediction.{name} is {getattr(self, name)}; use a share between 0 and 1."
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Certainty of one prediction.

    ``confidence`` is the calibrated probability of the predicted genre. ``unknown``: the song is
    unlike the training songs; None if the model cannot detect it. ``alternatives`` are the possible
    genres, the predicted one first; None where never fitted.
    """

    confidence: float | None = None
    unknown: bool | None = None
    alternatives: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Certainty:
    """Thresholds of alternatives and of unknown songs.

    Attributes
    ----------
    coverage, least_probability : float or None
        The requested share, and the calibrated probability from which on a genre is an
        alternative; None: no alternatives.
    novelty : Novelty or None
        None for models of spectrograms, or of too few artists.
    """

    coverage: float | None = None
    least_probability: float | None = None
    novelty: Novelty | None = None

    def assess(
        self, probabilities: Probabilities, genres: Sequence[str], values: Float32Array | None
    ) -> Assessment:
        """Return the certainty of the prediction of a song.

        ``probabilities``, (n_genres,), are calibrated; ``values``, (n_values,), are the means of
        the song's embedding, its features first; None of spectrograms.
        """
        unknown = alternatives = None
        if self.novelty is not None and values is not None:
            features = values[np.newaxis, : self.novelty.references.shape[1]]
            unknown = bool(self.novelty.is_unknown(features)[0])
        if self.least_probability is not None:
            alternatives = name_alternatives(probabilities, genres, self.least_probability)
        return Assessment(
            confidence=float(probabilities.max()), unknown=unknown, alternatives=alternatives
        )


def fit_certainty(
    probabilities: Probabilities,
    labels: Int64Array,
    config: PredictionConfig,
    novelty: Novelty | None = None,
) -> Certainty:
    """Fit the alternatives on calibrated probabilities, (n_songs, n_genres), outside training."""
    return Certainty(
        coverage=config.coverage,
        least_probability=fit_least_probability(probabilities, labels, config.coverage),
        novelty=novelty,
    )


def fit_least_probability(
    probabilities: Probabilities, labels: Int64Array, coverage: float
) -> float:
    """Return the probability from which on a genre belongs to the set of a song.

    It is the probability of the true genre that ``ceil((n_songs + 1) * coverage)`` songs reach; 0,
    so that every set contains all genres, where songs are too few. ``coverage`` is guaranteed for
    exchangeable songs, on average over many libraries; songs of other artists or sources may do
    worse.
    """
    n_songs = len(labels)
    rank = math.ceil((n_songs + 1) * coverage - ROUNDING)
    if rank > n_songs:
        return 0.0
    require_pairs(probabilities, labels)
    true = np.sort(probabilities[np.arange(n_songs), labels])[::-1]
    return float(true[max(rank, 1) - 1])


def belongs(probabilities: Probabilities, least_probability: float) -> npt.NDArray[np.bool_]:
    """Which genres belong to the set of each song, (..., n_genres); the likeliest always does."""
    likeliest = probabilities.max(axis=-1, keepdims=True)
    return np.asarray(probabilities >= np.minimum(likeliest, least_probability - ROUNDING))


def name_alternatives(
    probabilities: Probabilities, genres: Sequence[str], least_probability: float
) -> tuple[str, ...]:
    """Name the genres of a song's set, the likeliest first; probabilities are (n_genres,)."""
    belonging = belongs(probabilities, least_probability)
    order = np.argsort(-probabilities, kind="stable")
    return tuple(genres[index] for index in order if belonging[index])


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessedSong:
    """A song of a known genre that the model was not fitted on.

    ``source`` is named by `audit.songs.name_sources`; ``is_covered``: its alternatives contain its
    genre; ``unknown`` is None if the model cannot detect unknown songs.
    """

    source: str
    group_id: str
    is_covered: bool
    n_alternatives: int
    unknown: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSummary:
    """Counts over the assessed songs of one source; ``n_unknown`` is None if not assessed."""

    source: str
    n_songs: int
    n_covered: int
    mean_alternatives: float
    n_unknown: int | None


def summarise(source: str, songs: Sequence[AssessedSong]) -> SourceSummary:
    """Count the songs of one source, at least one."""
    assessed = [song.unknown for song in songs if song.unknown is not None]
    return SourceSummary(
        source=source,
        n_songs=len(songs),
        n_covered=sum(song.is_covered for song in songs),
        mean_alternatives=float(np.mean([song.n_alternatives for song in songs])),
        n_unknown=sum(assessed) if assessed else None,
    )


def summarise_sources(songs: Sequence[AssessedSong]) -> list[SourceSummary]:
    """Summarise each source, the one with the most songs first."""
    by_source: dict[str, list[AssessedSong]] = defaultdict(list)
    for song in songs:
        by_source[song.source].append(song)
    found = [summarise(source, members) for source, members in by_source.items()]
    return sorted(found, key=lambda one: (-one.n_songs, one.source))


def set_coverage(songs: Sequence[AssessedSong], rng: np.random.Generator) -> Interval:
    """Share of sets that contain the true genre, with its interval by group (artist)."""
    covered = np.array([song.is_covered for song in songs])
    return share_interval(covered, [song.group_id for song in songs], rng)

"""Certainty: what a prediction says of itself, fitted beside a model."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.evaluation.bootstrap import Interval, bootstrap, sum_by_group
from genre_core.evaluation.conformal import fit_least_probability, name_alternatives
from genre_core.evaluation.novelty import Novelty
from genre_core.evaluation.songs import Probabilities
from genre_core.examples import Float32Array, Int64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionConfig:
    """What is asked of predictions; a change holds for the models that are trained after it.

    Attributes
    ----------
    refuse_share : float
        Share of songs by new artists, of genres that the model knows, that may be called unknown.
    coverage : float
        Share of the sets of alternatives that are to hold the true genre.
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
    """What a prediction says of itself.

    Attributes
    ----------
    confidence : float or None
        The calibrated probability of the predicted genre.
    unknown : bool or None
        Whether the song is unlike the training songs; None where nobody can say.
    alternatives : tuple of str or None
        The genres that the song may have, the predicted one first; None where never fitted.
    """

    confidence: float | None = None
    unknown: bool | None = None
    alternatives: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Certainty:
    """How the alternatives of a song are chosen, and what songs are unknown.

    Attributes
    ----------
    coverage, least_probability : float or None
        The share asked for, and the calibrated probability from which on a genre is an
        alternative. None for a model of an older genreflow: then no alternatives are named.
    novelty : Novelty or None
        None where nobody can say what is unknown: the model reads spectrograms, it is of an older
        genreflow, or it was trained on too few artists.
    """

    coverage: float | None = None
    least_probability: float | None = None
    novelty: Novelty | None = None

    def assess(
        self, probabilities: Probabilities, genres: Sequence[str], values: Float32Array | None
    ) -> Assessment:
        """Return what the prediction of a song says of itself.

        Parameters
        ----------
        probabilities : float [shape=(n_genres,)]
            Calibrated.
        genres : sequence of str
        values : float32 [shape=(n_values,)] or None
            Mean values of the song's embedding, its features first; None of spectrograms.
        """
        least = self.least_probability
        return Assessment(
            confidence=float(probabilities.max()),
            unknown=self._is_unknown(values),
            alternatives=None if least is None else name_alternatives(probabilities, genres, least),
        )

    def _is_unknown(self, values: Float32Array | None) -> bool | None:
        if self.novelty is None or values is None:
            return None
        n_features = self.novelty.references.shape[1]
        return bool(self.novelty.is_unknown(values[np.newaxis, :n_features])[0])


def fit_certainty(
    probabilities: Probabilities,
    labels: Int64Array,
    config: PredictionConfig,
    novelty: Novelty | None = None,
) -> Certainty:
    """Fit the alternatives on calibrated probabilities of songs that the model has not learnt.

    Parameters
    ----------
    probabilities : float [shape=(n_songs, n_genres)]
    labels : int64 [shape=(n_songs,)]
    config : PredictionConfig
    novelty : Novelty or None
        From `novelty.fit_novelty`.
    """
    return Certainty(
        coverage=config.coverage,
        least_probability=fit_least_probability(probabilities, labels, config.coverage),
        novelty=novelty,
    )


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

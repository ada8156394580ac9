"""Certainty of predictions: confidence, alternatives, novelty; fitted beside a model."""

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

    Attributes
    ----------
    confidence : float or None
        The calibrated probability of the predicted genre.
    unknown : bool or None
        Whether the song is unlike the training songs; None if the model cannot say.
    alternatives : tuple of str or None
        Possible genres, the predicted one first; None where never fitted.
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
        The share asked for, and the calibrated probability from which on a genre is an
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
    """Fit the alternatives on calibrated probabilities of songs outside training.

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
    """A song of a known genre that the model was not fitted on.

    Attributes
    ----------
    source : str
        Where it comes from, as `audit.songs.name_sources` names it.
    is_covered : bool
        Whether its set of alternatives contains its genre.
    n_alternatives : int
    unknown : bool or None
        Whether it was called unknown; None if the model cannot say.
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
    values = np.array([[song.is_covered, 1.0] for song in songs])
    sums = sum_by_group(values, [song.group_id for song in songs])
    return bootstrap(sums, lambda summed: summed[..., :1] / summed[..., 1:], rng)[0].within(0, 1)

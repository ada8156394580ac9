"""What the page says about a prediction: its genre, and how often such a one is right."""

from dataclasses import dataclass
from functools import lru_cache

from flows.web.state import WebState
from genre_core.evaluation.precision import Precision, precision_near
from storage.catalog.song_page import CheckedSongs, read_checked, read_trained_on
from storage.home import DataLayout
from tasks.predict import SongPrediction

N_NEAREST = 2
"""Genres that are named for an unknown song."""
LEAST_SHOWN = 0.05
"""Of the probabilities that are shown where a model has no alternatives."""

TRAINED_ON = (
    "The model learned from this very song, so it knows its genre: that says nothing of how often "
    "it is right."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPrediction:
    """A prediction for people; ``alternatives`` are other possible genres with probabilities."""

    genre: str
    confidence: float
    is_unknown: bool
    probabilities: dict[str, float]
    alternatives: tuple[tuple[str, float], ...]
    precision: Precision
    champion: int
    is_trained_on: bool = False

    @property
    def shown_genre(self) -> str:
        """The genre, or unknown."""
        return "unknown" if self.is_unknown else self.genre

    @property
    def nearest(self) -> list[str]:
        """The two most probable genres."""
        return sorted(self.probabilities, key=lambda name: -self.probabilities[name])[:N_NEAREST]

    @property
    def share(self) -> float | None:
        """The share of such predictions that are right; None if it is not known, or unknown."""
        is_known = self.precision.is_known and not (self.is_unknown or self.is_trained_on)
        return self.precision.share if is_known else None

    @property
    def sentence(self) -> str:
        """How often such a prediction is right, for people."""
        return TRAINED_ON if self.is_trained_on else self.precision.sentence

    @property
    def basis(self) -> str:
        """What the sentence rests on, for people; empty if nothing."""
        return "" if self.is_trained_on else self.precision.basis

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """All genres, the most probable first."""
        return sorted(self.probabilities.items(), key=lambda pair: -pair[1])


def describe_prediction(
    state: WebState, prediction: SongPrediction, track_id: str
) -> ShownPrediction:
    """Return what the page says about a prediction that has no error, of one track."""
    confidence = prediction.confidence or max(prediction.probabilities.values())
    named = prediction.alternatives
    if named is None:
        named = tuple(g for g, p in prediction.probabilities.items() if p >= LEAST_SHOWN)
    others = [(g, prediction.probabilities[g]) for g in named if g != prediction.genre]
    return ShownPrediction(
        genre=prediction.genre,
        confidence=confidence,
        is_unknown=bool(prediction.unknown),
        probabilities=prediction.probabilities,
        alternatives=tuple(sorted(others, key=lambda pair: -pair[1])),
        precision=find_precision(state.layout, confidence),
        champion=prediction.champion,
        is_trained_on=track_id in _read_trained_on(state.layout, _changed_at(state.layout)),
    )


def find_precision(layout: DataLayout, confidence: float) -> Precision:
    """Count how often the champion was right about songs of about this confidence."""
    return _find_precision(layout, _changed_at(layout), confidence)


@lru_cache(maxsize=1024)  # a page that waits for songs shows each again and again
def _find_precision(layout: DataLayout, changed_at: int, confidence: float) -> Precision:
    checked = _read_checked(layout, changed_at)
    return precision_near(confidence, checked.confidences, checked.is_right, checked.artists)


def _changed_at(layout: DataLayout) -> int:
    return layout.published.stat().st_mtime_ns if layout.published.exists() else 0


@lru_cache(maxsize=4)
def _read_checked(layout: DataLayout, _changed_at: int) -> CheckedSongs:
    return read_checked(layout)


@lru_cache(maxsize=4)
def _read_trained_on(layout: DataLayout, _changed_at: int) -> frozenset[str]:
    return read_trained_on(layout)

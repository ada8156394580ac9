"""What the page says about a prediction: its genre, and how often such a one is right."""

from dataclasses import dataclass
from functools import lru_cache

from flows.web.state import WebState
from genre_core.evaluation.precision import Precision, precision_near
from storage.catalog.song_page import read_checked
from storage.home import DataLayout
from tasks.predict import SongPrediction

N_NEAREST = 2
"""Genres that are named for an unknown song."""
LEAST_SHOWN = 0.05
"""Of the probabilities that are shown where a model has no alternatives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A prediction for people; ``alternatives`` are other possible genres with probabilities."""

    genre: str
    confidence: float
    is_unknown: bool
    probabilities: dict[str, float]
    alternatives: tuple[tuple[str, float], ...]
    precision: Precision
    champion: int

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
        is_known = self.precision.is_known and not self.is_unknown
        return self.precision.share.value if is_known else None

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """All genres, the most probable first."""
        return sorted(self.probabilities.items(), key=lambda pair: -pair[1])


def judge(state: WebState, prediction: SongPrediction) -> Verdict:
    """Return what the page says about a prediction that has no error."""
    confidence = prediction.confidence or max(prediction.probabilities.values())
    named = prediction.alternatives
    if named is None:
        named = tuple(g for g, p in prediction.probabilities.items() if p >= LEAST_SHOWN)
    others = [(g, prediction.probabilities[g]) for g in named if g != prediction.genre]
    return Verdict(
        genre=prediction.genre,
        confidence=confidence,
        is_unknown=bool(prediction.unknown),
        probabilities=prediction.probabilities,
        alternatives=tuple(sorted(others, key=lambda pair: -pair[1])),
        precision=find_precision(state.layout, confidence),
        champion=prediction.champion,
    )


def find_precision(layout: DataLayout, confidence: float) -> Precision:
    """Count how often the champion was right about songs of about this confidence."""
    changed_at = layout.published.stat().st_mtime_ns if layout.published.exists() else 0
    return precision_near(confidence, *_read_checked(layout, changed_at))


@lru_cache(maxsize=4)
def _read_checked(layout: DataLayout, _changed_at: int) -> tuple[list[float], list[bool]]:
    return read_checked(layout)

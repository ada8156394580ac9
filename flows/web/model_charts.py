"""What the charts of models show: runs on one axis, confusion, reliability."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import numpy as np

from genre_core.evaluation.bootstrap import Interval
from genre_core.evaluation.calibration import bin_songs
from genre_core.evaluation.significance import Significance
from storage.catalog.status import compared_rows
from storage.catalog.versions import EvaluatedSong
from storage.home import DataLayout
from tasks.comparison import (
    Comparison,
    RunGroup,
    difference_sentences,
    doubt_sentences,
    read_comparison,
)

N_BINS = 10
N_SHADES = 5
_COMPARING = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRun:
    """A group of runs that differ by seed alone, as the chart of runs shows it."""

    title: str
    n_seeds: int
    validation: Interval
    test: Interval
    is_champion: bool
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRuns:
    """The runs on a library: ties with the best (no significant difference), and the others."""

    tied: tuple[ShownRun, ...]
    others: tuple[ShownRun, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Test songs by label (rows) and prediction (columns)."""

    genres: tuple[str, ...]
    counts: Mapping[tuple[str, str], int]

    def shade(self, label: str, predicted: str) -> int:
        """Return the step of colour of a cell, from its share of the songs of its label."""
        total = sum(self.counts.get((label, genre), 0) for genre in self.genres)
        return math.ceil(N_SHADES * self.counts.get((label, predicted), 0) / max(1, total))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The songs whose confidence is above ``low``, up to ``high``; shares are None without any."""

    low: float
    high: float
    n_songs: int
    n_right: int
    confidence: float | None

    @property
    def accuracy(self) -> float | None:
        """The share of its songs that were right."""
        return self.n_right / self.n_songs if self.n_songs else None


def show_runs(layout: DataLayout, library_id: str) -> ShownRuns | None:
    """Return the runs on a library for the chart; None without one. They are kept in memory.

    GenreflowError if they cannot be compared.
    """
    with _COMPARING:  # once, however many ask meanwhile: others would wait for the processor
        return _show_runs(layout, layout.published.stat().st_mtime_ns, library_id)


@lru_cache(maxsize=4)
def _show_runs(layout: DataLayout, _changed_at: int, library_id: str) -> ShownRuns | None:
    rows = compared_rows(layout, library_id)
    if not rows:
        return None
    champion = next((row["run_id"] for row in rows if row["champion"]), "")
    return arrange_runs(read_comparison(layout, rows), champion)


def arrange_runs(comparison: Comparison, champion: str) -> ShownRuns:
    """Put the runs that show no significant difference from the best beside it."""
    best, *rest = comparison.groups
    alike = {
        one.name
        for one in comparison.differences
        if one.difference.significance is Significance.NONE
    }
    tied = [best, *(group for group in rest if group.title in alike)]
    others = [group for group in rest if group.title not in alike]
    return ShownRuns(
        tied=tuple(_shown(group, champion) for group in tied),
        others=tuple(_shown(group, champion) for group in others),
        sentences=(
            *doubt_sentences(comparison.groups),
            *difference_sentences(comparison.differences),
        ),
    )


def _shown(group: RunGroup, champion: str) -> ShownRun:
    run_ids = [run.run_id for run in group.runs]
    return ShownRun(
        title=group.title,
        n_seeds=len(run_ids),
        validation=group.validation.macro_f1,
        test=group.test.macro_f1,
        is_champion=champion in run_ids,
        run_id=champion if champion in run_ids else run_ids[0],
    )


def count_confusion(songs: Sequence[EvaluatedSong]) -> Confusion:
    """Count songs by label and prediction; every genre that is either has a row and a column."""
    genres = sorted({genre for song in songs for genre in (song.label, song.predicted)})
    return Confusion(
        genres=tuple(genres), counts=Counter((song.label, song.predicted) for song in songs)
    )


def bin_confidence(songs: Sequence[EvaluatedSong]) -> list[Bin]:
    """Sort songs into ten bins by confidence; none if their confidence is not known."""
    known = [song for song in songs if song.confidence is not None]
    if not known:
        return []
    confidence = np.array([song.confidence for song in known], np.float64)
    found = bin_songs(confidence, np.array([song.is_right for song in known]), N_BINS)
    return [
        Bin(
            low=nth / N_BINS,
            high=(nth + 1) / N_BINS,
            n_songs=int(n_songs),
            n_right=round(float(n_songs * found.accuracy[nth])) if n_songs else 0,
            confidence=float(found.confidence[nth]) if n_songs else None,
        )
        for nth, n_songs in enumerate(found.n_songs)
    ]

"""Benchmarks: scores by song with intervals, leaks of an official split, genres in common."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from genre_core.audit.intervals import recall_contrasts
from genre_core.evaluation.bootstrap import Float64Array, Interval, interval_rng
from genre_core.evaluation.predictions import SongPredictions
from genre_core.evaluation.significance import ScoreIntervals, score_intervals
from genre_core.records import Split, counted, name_first

SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkScores:
    """Scores by song, averaged over seeds, with 95 % intervals over groups (artists).

    ``mean_recall`` goes over the genres that have songs; papers also call it the normalised
    accuracy. ``recall`` has one entry a genre, None where it has no song.
    """

    genres: tuple[str, ...]
    n_songs: int
    n_groups: int
    n_seeds: int
    accuracy: Interval
    mean_recall: Interval
    macro_f1: Interval
    recall: tuple[Interval | None, ...]

    def as_document(self) -> dict[str, object]:
        """Return plain values by name; an interval is value, low, high."""
        intervals = ScoreIntervals(
            accuracy=self.accuracy, macro_f1=self.macro_f1, recall=self.recall
        )
        return {
            "n_songs": self.n_songs,
            "n_groups": self.n_groups,
            "n_seeds": self.n_seeds,
            "chance": 1 / sum(interval is not None for interval in self.recall),
            "mean_recall": self.mean_recall.as_list(),
            **intervals.as_document(self.genres),
        }


def score_songs(predictions: SongPredictions, genres: Sequence[str], name: str) -> BenchmarkScores:
    """Score songs; ``name`` seeds the resamples, so that the same songs have the same intervals."""
    scores = score_intervals(predictions, interval_rng(name))
    return BenchmarkScores(
        genres=tuple(genres),
        n_songs=len(predictions.labels),
        n_groups=len(set(predictions.group_ids.tolist())),
        n_seeds=len(predictions.predicted),
        accuracy=scores.accuracy,
        mean_recall=_mean_recall(predictions, name),
        macro_f1=scores.macro_f1,
        recall=scores.recall,
    )


def _mean_recall(predictions: SongPredictions, name: str) -> Interval:
    """Mean recall over the genres of a resample, averaged over seeds."""
    hits = (predictions.predicted == predictions.labels).mean(axis=0)[:, None]
    labels, groups = predictions.labels.astype(str), predictions.group_ids.tolist()
    return recall_contrasts(hits, labels, groups, np.eye(1), interval_rng(name))[0].within(0, 1)


def keep_songs(predictions: SongPredictions, is_kept: Sequence[bool]) -> SongPredictions:
    """Return the predictions of some songs, of which there must be one at least."""
    kept = np.asarray(is_kept, bool)
    return replace(
        predictions,
        track_ids=predictions.track_ids[kept],
        group_ids=predictions.group_ids[kept],
        labels=predictions.labels[kept],
        predicted=predictions.predicted[:, kept],
    )


def predict_among(
    probabilities: Float64Array, genres: Sequence[str], common: Sequence[str]
) -> list[list[str]]:
    """Return the most probable of the genres in common, for each seed and song.

    ``probabilities`` are (n_seeds, n_songs, n_genres) in the order of ``genres``.
    """
    places = [list(genres).index(genre) for genre in common]
    best = probabilities[:, :, places].argmax(axis=-1)
    return [[common[nth] for nth in row] for row in best.tolist()]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSong:
    """A song of an official split: its subset, and what ties it to other songs.

    ``keys`` are its artists or its recording.
    """

    subset: Split
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """Artists, or recordings, that an official split has in several subsets.

    ``n_known`` of ``n_songs`` songs have a key at all; ``n_tested`` test songs share one with
    training or validation.
    """

    kind: str
    keys: tuple[str, ...]
    n_songs: int
    n_known: int
    n_tested: int

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        if not self.n_known:
            return f"The {self.kind}s are not known, so nothing can be said of them."
        of = "" if self.n_known == self.n_songs else f" (known of {self.n_known} songs)"
        if not self.keys:
            return f"No {self.kind} is in two subsets{of}."
        return (
            f"{counted(len(self.keys), f'{self.kind} is', f'{self.kind}s are')} in two subsets"
            f"{of}: {name_first(self.keys, SHOWN)}. "
            f"{counted(self.n_tested, 'test song shares', 'test songs share')} one with training "
            "or validation."
        )

    def as_document(self) -> dict[str, object]:
        """Return plain values by name."""
        return {
            "kind": self.kind,
            "in_two_subsets": list(self.keys),
            "n_songs": self.n_songs,
            "n_known": self.n_known,
            "n_test_songs": self.n_tested,
            "sentence": self.sentence,
        }


def find_crossings(kind: str, songs: Iterable[SplitSong]) -> Crossing:
    """Find what an official split has in several subsets."""
    songs = list(songs)
    subsets: dict[str, set[Split]] = defaultdict(set)
    for song in songs:
        for key in song.keys:
            subsets[key].add(song.subset)
    crossing = {key for key, own in subsets.items() if len(own) > 1}
    tested = [song for song in songs if song.subset is Split.TEST]
    return Crossing(
        kind=kind,
        keys=tuple(sorted(crossing)),
        n_songs=len(songs),
        n_known=sum(bool(song.keys) for song in songs),
        n_tested=sum(bool(crossing & set(song.keys)) for song in tested),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonGenres:
    """The genres that two collections have in common, and those that are dropped.

    ``trained_name`` has the name in the collection trained on, by that in the one tested on.
    """

    trained_name: Mapping[str, str]
    dropped_trained: tuple[str, ...]
    dropped_tested: tuple[str, ...]

    def as_document(self) -> dict[str, object]:
        """Return plain values by name."""
        return {
            "genres": dict(self.trained_name),
            "dropped_of_training": list(self.dropped_trained),
            "dropped_of_test": list(self.dropped_tested),
        }


def find_common(
    names: Mapping[str, str], trained: Sequence[str], tested: Sequence[str]
) -> CommonGenres:
    """Find the genres in common; ``names`` maps those of the tested collection to the trained."""
    common = {name: names[name] for name in tested if names.get(name) in trained}
    return CommonGenres(
        trained_name=common,
        dropped_trained=tuple(g for g in trained if g not in common.values()),
        dropped_tested=tuple(g for g in tested if g not in common),
    )


def against(published: float, ours: Interval) -> str:
    """Return where a published figure lies against our interval, in words."""
    if published < ours.low:
        return "ours is higher"
    return "ours is lower" if published > ours.high else "within our interval"

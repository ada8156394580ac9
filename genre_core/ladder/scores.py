"""Scores of the rungs: accuracy with intervals, on true labels and on random ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.bootstrap import Float64Array, Interval, bootstrap, interval_rng, sum_by_group
from genre_core.ladder.judging import Verdicts
from genre_core.ladder.rungs import Rung


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Accuracy over all seeds, by fragment and, where whole songs are scored, by song."""

    fragment: Interval
    song: Interval | None

    def as_document(self) -> dict[str, object]:
        """Give plain values; an interval is value, low, high."""
        return {
            "fragment": self.fragment.as_list(),
            "song": self.song.as_list() if self.song else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RungScore:
    """What a protocol would report on this library.

    Attributes
    ----------
    rung : Rung
    true, random : Accuracy or None
        None where the rung cannot be tested.
    largest : float
        Share of the largest genre among the fragments that are scored: what one gets by always
        naming it.
    chance : float
        Of random labels: 1 / genres.
    n_songs : int
        Songs that were scored.
    note : str
        What cannot be tested, or makes the rung weak.
    """

    rung: Rung
    true: Accuracy | None
    random: Accuracy | None
    largest: float
    chance: float
    n_songs: int
    note: str

    def as_document(self) -> dict[str, object]:
        """Give plain values by name."""
        return {
            "rung": self.rung.number,
            "mended": self.rung.mended,
            "fault": self.rung.why,
            "representation": self.rung.representation,
            "division": str(self.rung.division),
            "softmaxes": self.rung.n_softmaxes,
            "recurrence": str(self.rung.axis),
            "true_labels": self.true.as_document() if self.true else None,
            "random_labels": self.random.as_document() if self.random else None,
            "largest_genre": self.largest,
            "chance": self.chance,
            "n_songs": self.n_songs,
            "note": self.note,
        }


def measure_accuracy(
    verdicts: Sequence[Verdicts], group_of_song: Mapping[str, str], library_id: str
) -> Accuracy:
    """Give the accuracy over seeds with its interval by bootstrap of song groups.

    Parameters
    ----------
    verdicts : sequence of Verdicts
        One a seed.
    group_of_song : mapping
        Songs of one group are drawn together.
    library_id : str
        Seeds the bootstrap, so that all rungs draw alike.
    """
    by_song = None
    if all(one.song_right for one in verdicts):
        whole = [(v.track_ids, v.song_right, (1,) * len(v.track_ids)) for v in verdicts]
        by_song = _accuracy(whole, group_of_song, library_id)
    fragments = [(v.track_ids, v.n_right, v.n_judged) for v in verdicts]
    return Accuracy(fragment=_accuracy(fragments, group_of_song, library_id), song=by_song)


def largest_share(verdicts: Sequence[Verdicts], genre_of_song: Mapping[str, str]) -> float:
    """Give the share of the scored fragments that the largest genre has."""
    counts: dict[str, int] = {}
    for one in verdicts:
        for track_id, n_judged in zip(one.track_ids, one.n_judged, strict=True):
            genre = genre_of_song[track_id]
            counts[genre] = counts.get(genre, 0) + n_judged
    return max(counts.values()) / sum(counts.values())


Counts = tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]


def _accuracy(
    counts: Sequence[Counts], group_of_song: Mapping[str, str], library_id: str
) -> Interval:
    names = [group_of_song[track_id] for track_ids, _, _ in counts for track_id in track_ids]
    pairs = [pair for _, right, judged in counts for pair in zip(right, judged, strict=True)]
    sums = sum_by_group(np.array(pairs, np.float64), names)
    return bootstrap(sums, _share, interval_rng(library_id))[0].within(0, 1)


def _share(sums: Float64Array) -> Float64Array:
    return sums[..., :1] / sums[..., 1:]

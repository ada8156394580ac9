"""Numbers behind the claims: votes of one and of many fragments, and matrices at several gains."""

from collections.abc import Sequence

import numpy as np

from genre_core.bootstrap import Interval, interval_rng
from genre_core.claims.evidence import Aggregation, Difference, Loudness
from genre_core.examples import Float32Array, Int64Array
from genre_core.features import FeatureConfig, matrices_of
from genre_core.judgements import Judgements, confusion_by_group
from genre_core.significance import paired_difference, score_intervals
from genre_core.songs import FragmentedSongs, fragment_judgements, song_judgements
from genre_core.voting import CHOOSING_VOTE

THESIS_VOTE = "maximum"
GAINS = (0.7, 0.3, 0.1, 0.01)
"""Softer alone: louder music would be cut at full scale, which is no matter of scaling."""


def pool_seeds(judged: Sequence[Judgements]) -> Judgements:
    """Put what several seeds say of the same songs together."""
    first = judged[0]
    return Judgements(
        track_ids=first.track_ids,
        group_ids=first.group_ids,
        labels=first.labels,
        predicted=np.concatenate([said.predicted for said in judged]),
        n_genres=first.n_genres,
    )


def by_fragment(seeds: Sequence[FragmentedSongs]) -> Judgements:
    """Judge each fragment by itself, all seeds together."""
    return pool_seeds([fragment_judgements(songs) for songs in seeds])


def by_song(seeds: Sequence[FragmentedSongs], vote: str = CHOOSING_VOTE) -> Judgements:
    """Judge songs by a vote of their fragments, all seeds together."""
    return pool_seeds([song_judgements(songs, vote) for songs in seeds])


def confusion_of(judged: Judgements) -> tuple[tuple[int, ...], ...]:
    """Give the confusion matrix of all seeds together; rows are true genres."""
    flat = confusion_by_group(judged).sum(axis=0)
    matrix = flat.reshape(-1, judged.n_genres, judged.n_genres).sum(axis=0)
    return tuple(tuple(map(int, row)) for row in matrix)


def accuracy_difference(
    ours: Sequence[FragmentedSongs], theirs: Sequence[FragmentedSongs], library_id: str
) -> Difference:
    """Weigh two trainings on the same songs, by fragment and by song."""
    try:
        fragments = paired_difference(
            by_fragment(ours), by_fragment(theirs), interval_rng(library_id)
        )
    except ValueError as error:
        return Difference(fault=f"the two cannot be paired: {error}")
    songs = paired_difference(by_song(ours), by_song(theirs), interval_rng(library_id))
    return Difference(by_fragment=fragments.accuracy, by_song=songs.accuracy)


def aggregation_of(seeds: Sequence[FragmentedSongs], name: str, library_id: str) -> Aggregation:
    """Weigh the thesis's vote of all fragments of a song against each fragment alone."""
    one = pool_seeds([_one_fragment(songs) for songs in seeds])
    many = by_song(seeds, THESIS_VOTE)
    difference = paired_difference(many, one, interval_rng(library_id))
    return Aggregation(
        name=name,
        n_fragments=max(map(len, seeds[0].fragments)),
        one=_accuracy(one, library_id),
        many=_accuracy(many, library_id),
        difference=difference.accuracy,
    )


def _one_fragment(songs: FragmentedSongs) -> Judgements:
    """Let one fragment decide, each in turn as if it were a seed; songs with few take turns."""
    most = max(map(len, songs.fragments))
    rows = [[f[turn % len(f)].argmax() for f in songs.fragments] for turn in range(most)]
    predicted: Int64Array = np.array(rows, np.int64)
    return Judgements(
        track_ids=songs.track_ids,
        group_ids=songs.group_ids,
        labels=songs.labels,
        predicted=predicted,
        n_genres=songs.fragments[0].shape[1],
    )


def _accuracy(judged: Judgements, library_id: str) -> Interval:
    return score_intervals(judged, interval_rng(library_id)).accuracy


def loudness_of(fragments: Float32Array, features: FeatureConfig) -> Loudness:
    """Give the largest change of the matrices of some fragments when they are made softer.

    Parameters
    ----------
    fragments : float32 [shape=(n_fragments, n_samples)]
        Mono audio at 44.1 kHz.
    features : FeatureConfig
    """
    plain = matrices_of(fragments, features)
    changes = [
        float(np.abs(matrices_of(fragments * np.float32(gain), features) - plain).max())
        for gain in GAINS
    ]
    gains_db = tuple(float(20 * np.log10(gain)) for gain in GAINS)
    return Loudness(largest_change=max(changes), gains_db=gains_db)


def shared_difference(
    ours: Judgements, theirs: Judgements, library_id: str
) -> tuple[Interval, int]:
    """Weigh two trainings on the songs that both have judged; give also how many those are.

    Raises
    ------
    ValueError
        If they share no song.
    """
    shared = sorted(set(ours.track_ids) & set(theirs.track_ids))
    if not shared:
        raise ValueError("the two have no test song in common.")
    mine, others = (_keep(side, shared) for side in (ours, theirs))
    return paired_difference(mine, others, interval_rng(library_id)).accuracy, len(shared)


def _keep(judged: Judgements, track_ids: Sequence[str]) -> Judgements:
    kept = np.isin(judged.track_ids.astype(str), list(track_ids))
    return Judgements(
        track_ids=judged.track_ids[kept],
        group_ids=judged.group_ids[kept],
        labels=judged.labels[kept],
        predicted=judged.predicted[:, kept],
        n_genres=judged.n_genres,
    )

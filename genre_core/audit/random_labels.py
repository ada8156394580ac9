"""Random labels: nothing can be learnt of them, unless a side of the split gives them away."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from genre_core.audit.draws import (
    Sides,
    deal_labels,
    relabel,
    select,
    sides_by_fragment,
    sides_by_song,
    song_verdicts,
)
from genre_core.audit.intervals import Interval, judgement_interval, two_way_interval
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level, untested
from genre_core.audit.songs import AuditedSong
from genre_core.examples import Examples, Float32Array
from genre_core.records import LEARNING_SPLITS, Split

Judge = Callable[[Examples, Examples, Examples, int], Float32Array]
"""Trains on the first examples, chooses the epoch by the second, and gives the probabilities of
the genres for the third, float32 (n_examples, n_genres); the number is a seed."""
OTHERS = (Split.VALIDATION, Split.TEST)


def check_by_song(
    examples: Examples,
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    n_genres: int,
    judge: Judge,
    config: AuditConfig,
) -> Check:
    """Score random labels on the stored split: they must come out at chance.

    Parameters
    ----------
    examples : Examples
        Of ``songs``; their own labels are not looked at.
    recordings : mapping
        From `name_recordings`.
    judge : callable
        It is given the training examples in place of those to choose the epoch by.

    Returns
    -------
    Check
        Its value is the mean accuracy by song on validation and test. It fails above chance;
        below, which no leak explains, it warns.

    Notes
    -----
    Validation chooses no epoch: a leak is seen the better the more is learnt by heart, and
    validation songs can be scored, too.
    Zhang et al., "Understanding deep learning requires rethinking generalization", ICLR 2017:
    networks learn random labels by heart. A score above chance is then memory, not knowledge
    (Ojala and Garriga, "Permutation tests for studying classifier performance", JMLR 11, 2010).
    """
    if missing := missing_sides(songs):
        return untested(CheckName.BY_SONG, missing)
    sides = sides_by_song(examples, songs)
    track_ids = sorted(set(examples.track_ids[np.isin(sides, OTHERS)]))
    column = {track_id: at for at, track_id in enumerate(track_ids)}
    hits = np.zeros((config.n_draws, len(column)))
    for draw in range(config.n_draws):
        labels = deal_labels(songs, recordings, n_genres, _rng(config, draw))
        tested, probabilities = _judge_others(relabel(examples, labels), sides, judge, draw)
        found, true, predicted = song_verdicts(probabilities, tested)
        hits[draw, [column[track_id] for track_id in found]] = true == predicted
    interval = judgement_interval(hits, config.n_resamples, _rng(config, -1))
    return _tell_by_song(float(hits.mean()), interval, 1 / n_genres, hits.shape)


def check_by_fragment(
    examples: Examples,
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    n_genres: int,
    judge: Judge,
    config: AuditConfig,
) -> Check:
    """Score the same random labels with fragments of each song on all sides, as the thesis does.

    Its value is the accuracy by fragment; it passes above chance, which shows that a leak would
    be seen, and how good a score it would have made.
    """
    if missing := missing_sides(songs):
        return untested(CheckName.BY_FRAGMENT, missing)
    column = {song.track_id: at for at, song in enumerate(songs)}
    hits = np.zeros((config.n_draws, len(column)))
    weights = np.zeros_like(hits)
    for draw in range(config.n_draws):
        labels = deal_labels(songs, recordings, n_genres, _rng(config, draw))
        sides = sides_by_fragment(examples, _rng(config, draw, 1))
        tested, probabilities = _judge_others(relabel(examples, labels), sides, judge, draw)
        columns = [column[track_id] for track_id in tested.track_ids]
        np.add.at(hits[draw], columns, probabilities.argmax(axis=1) == tested.labels)
        np.add.at(weights[draw], columns, 1)
    interval = two_way_interval(hits, weights, config.n_resamples, _rng(config, -1))
    return _tell_by_fragment(float(hits.sum() / weights.sum()), interval, 1 / n_genres, len(songs))


def missing_sides(songs: Sequence[AuditedSong]) -> str:
    """Say which side of the split has no song, in a sentence; empty if all have."""
    held = {song.split for song in songs}
    empty = [str(split) for split in LEARNING_SPLITS if split not in held]
    return f"no song of the snapshot is left for {' and '.join(empty)}." if empty else ""


def _judge_others(
    examples: Examples, sides: Sides, judge: Judge, draw: int
) -> tuple[Examples, Float32Array]:
    train = select(examples, sides == Split.TRAIN)
    others = select(examples, np.isin(sides, OTHERS))
    return others, judge(train, train, others, draw)


def _rng(config: AuditConfig, *stream: int) -> np.random.Generator:
    """Give a generator of its own for each purpose; -1 is that of the resamples."""
    return np.random.default_rng([config.seed, *(number + 1 for number in stream)])


def _tell_by_song(value: float, interval: Interval, chance: float, shape: tuple[int, ...]) -> Check:
    n_draws, n_songs = shape
    low, high = interval
    level = Level.FAIL if low > chance else Level.WARN if high < chance else Level.PASS
    ending = {
        Level.PASS: "No leak is seen; one is seen from about "
        f"{(high - low) / 2:.2f} above chance on.",
        Level.WARN: "That is below chance, which no leak explains: ask for more audit.n_draws.",
        Level.FAIL: "Only a leak between the sides explains that: do not trust scores of this "
        "snapshot; look for copies and artists on two sides.",
    }[level]
    return Check(
        name=CheckName.BY_SONG,
        level=level,
        value=value,
        interval=interval,
        chance=chance,
        message=f"labels drawn at random for each song, {n_draws} times, score {value:.2f} "
        f"[{low:.2f}, {high:.2f}] on {n_songs} validation and test songs, chance {chance:.2f}. "
        f"{ending}",
        details={"n_draws": n_draws, "n_scored_songs": n_songs},
    )


def _tell_by_fragment(value: float, interval: Interval, chance: float, n_songs: int) -> Check:
    seen = interval[0] > chance
    ending = (
        "So much a split by fragment would have added out of nothing; the audit sees leaks."
        if seen
        else f"With {n_songs} songs the audit cannot show that it would see a leak; add songs."
    )
    return Check(
        name=CheckName.BY_FRAGMENT,
        level=Level.PASS if seen else Level.WARN,
        value=value,
        interval=interval,
        chance=chance,
        message=f"the same labels with fragments of one song on all sides score {value:.2f} "
        f"[{interval[0]:.2f}, {interval[1]:.2f}], chance {chance:.2f}. {ending}",
        details={"n_songs": n_songs},
    )

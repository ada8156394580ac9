"""Label permutation: nothing can be learnt of random labels, unless the split leaks them."""

from collections.abc import Mapping, Sequence

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
from genre_core.audit.learners import Learner, Measured, describe_others
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level, untested
from genre_core.audit.songs import AuditedSong
from genre_core.examples import Examples, Float32Array
from genre_core.records import LEARNING_SPLITS, Split

OTHERS = (Split.VALIDATION, Split.TEST)


def check_by_song(
    learners: Sequence[Learner],
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    n_genres: int,
    config: AuditConfig,
) -> Check:
    """Score permuted labels on the stored split: they must come out at chance.

    Parameters
    ----------
    learners : sequence of Learner
        Their examples are of ``songs``, whose own labels are not looked at. The first decides.
    recordings : mapping
        From `name_recordings`.

    Returns
    -------
    Check
        Its value is the mean accuracy by song on validation and test. It fails above chance;
        below, which no leak explains, it warns.
        Its two answers are "no song leaks", which scores at chance, and "a share of
        ``config.leak_share`` of the songs has a duplicate in training", which scores
        chance + leak_share (1 - chance). It passes where the interval excludes the second, and is
        inconclusive where it holds both.

    Notes
    -----
    Validation chooses nothing: a leak is seen the better the more is memorised, and validation
    songs can be scored, too.
    Zhang et al., "Understanding deep learning requires rethinking generalization", ICLR 2017:
    networks memorise random labels. A score above chance is then memory, not knowledge
    (Ojala and Garriga, "Permutation tests for studying classifier performance", JMLR 11, 2010).
    """
    if missing := missing_sides(songs):
        return untested(CheckName.BY_SONG, missing)
    others = [song for song in songs if song.split in OTHERS]
    measured = [_score_songs(learner, songs, recordings, n_genres, config) for learner in learners]
    counts = {"n_draws": learners[0].n_draws, "n_scored_songs": len(others)}
    return _report_by_song(measured, 1 / n_genres, counts, config.leak_share)


def check_by_fragment(
    learners: Sequence[Learner],
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    n_genres: int,
    config: AuditConfig,
) -> Check:
    """Score the same permuted labels with fragments of each song on all sides, as the thesis does.

    It is the control of `check_by_song`: its two answers are "these learners would see a leak" and
    "they would not". Its value is the accuracy by fragment. It passes above chance, which also
    shows by how much such a split inflates a score, and is inconclusive otherwise.
    """
    if missing := missing_sides(songs):
        return untested(CheckName.BY_FRAGMENT, missing)
    measured = [
        _score_fragments(learner, songs, recordings, n_genres, config) for learner in learners
    ]
    return _report_by_fragment(measured, 1 / n_genres, learners[0].n_draws, len(songs))


def missing_sides(songs: Sequence[AuditedSong]) -> str:
    """Say which side of the split has no song, in a sentence; empty if all have."""
    held = {song.split for song in songs}
    empty = [str(split) for split in LEARNING_SPLITS if split not in held]
    return f"no song of the snapshot is left for {' and '.join(empty)}." if empty else ""


def _score_songs(
    learner: Learner,
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    n_genres: int,
    config: AuditConfig,
) -> Measured:
    sides = sides_by_song(learner.examples, songs)
    track_ids = sorted(set(learner.examples.track_ids[np.isin(sides, OTHERS)]))
    column = {track_id: at for at, track_id in enumerate(track_ids)}
    hits = np.zeros((learner.n_draws, len(column)))
    for draw in range(learner.n_draws):
        labels = deal_labels(songs, recordings, n_genres, _rng(config, draw))
        tested, probabilities = _score_others(learner, labels, sides, config, draw)
        found, true, predicted = song_verdicts(probabilities, tested)
        hits[draw, [column[track_id] for track_id in found]] = true == predicted
    interval = judgement_interval(hits, config.n_resamples, _rng(config, -1))
    return Measured(learner=learner.name, value=float(hits.mean()), interval=interval)


def _score_fragments(
    learner: Learner,
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    n_genres: int,
    config: AuditConfig,
) -> Measured:
    column = {song.track_id: at for at, song in enumerate(songs)}
    hits = np.zeros((learner.n_draws, len(column)))
    weights = np.zeros_like(hits)
    for draw in range(learner.n_draws):
        labels = deal_labels(songs, recordings, n_genres, _rng(config, draw))
        sides = sides_by_fragment(learner.examples, _rng(config, draw, 1))
        tested, probabilities = _score_others(learner, labels, sides, config, draw)
        columns = [column[track_id] for track_id in tested.track_ids]
        np.add.at(hits[draw], columns, probabilities.argmax(axis=1) == tested.labels)
        np.add.at(weights[draw], columns, 1)
    interval = two_way_interval(hits, weights, config.n_resamples, _rng(config, -1))
    return Measured(
        learner=learner.name, value=float(hits.sum() / weights.sum()), interval=interval
    )


def _score_others(
    learner: Learner,
    labels: Mapping[str, int],
    sides: Sides,
    config: AuditConfig,
    draw: int,
) -> tuple[Examples, Float32Array]:
    """Train on one side of relabelled examples; return the others and their probabilities."""
    examples = relabel(learner.examples, labels)
    train = select(examples, sides == Split.TRAIN)
    others = select(examples, np.isin(sides, OTHERS))
    return others, learner.fit(train, others, config.seed + draw)


def _rng(config: AuditConfig, *stream: int) -> np.random.Generator:
    """Give a generator of its own for each purpose; -1 is that of the resamples."""
    return np.random.default_rng([config.seed, *(number + 1 for number in stream)])


def _report_by_song(
    measured: Sequence[Measured], chance: float, counts: Mapping[str, int], leak_share: float
) -> Check:
    first, others = measured[0], measured[1:]
    n_draws, n_songs = counts["n_draws"], counts["n_scored_songs"]
    with_leak = chance + leak_share * (1 - chance)
    level = _level_by_song(first.interval, chance, with_leak)
    ending = {
        Level.PASS: f"No leak: duplicates of {leak_share:.0%} of these songs would score "
        f"{with_leak:.2f}.",
        Level.INCONCLUSIVE: f"Inconclusive: {n_songs} songs and {n_draws} permutations are too "
        f"few (interval includes chance and {with_leak:.2f}, the score if {leak_share:.0%} of the "
        "songs leaked). Add songs, or raise audit.n_draws.",
        Level.WARN: "That is below chance, which no leak explains. Raise audit.n_draws.",
        Level.FAIL: "Only a leak between the sides explains that: do not trust scores of this "
        "snapshot; look for copies and artists on two sides.",
    }[level]
    return Check(
        name=CheckName.BY_SONG,
        level=level,
        value=first.value,
        interval=first.interval,
        chance=chance,
        message=f"labels permuted among songs {n_draws} times: {first.learner} scores {first} on "
        f"{n_songs} validation and test songs, chance {chance:.2f}. {ending}"
        f"{describe_others(others)}",
        details={
            **counts,
            "learner": first.learner,
            "score_with_leak": with_leak,
            "beside": [other.as_document() for other in others],
        },
    )


def _level_by_song(interval: Interval, chance: float, with_leak: float) -> Level:
    low, high = interval
    if low > chance:
        return Level.FAIL
    if high < chance:
        return Level.WARN
    return Level.PASS if high < with_leak else Level.INCONCLUSIVE


def _report_by_fragment(
    measured: Sequence[Measured], chance: float, n_draws: int, n_songs: int
) -> Check:
    first, others = measured[0], measured[1:]
    would_see = first.interval[0] > chance
    ending = (
        "A fragment-level split would inflate a score by this much, and the audit would see a leak."
        if would_see
        else f"Inconclusive: {n_songs} songs are too few to show that a leak would be seen "
        "(interval does not exceed chance). Add songs."
    )
    return Check(
        name=CheckName.BY_FRAGMENT,
        level=Level.PASS if would_see else Level.INCONCLUSIVE,
        value=first.value,
        interval=first.interval,
        chance=chance,
        message=f"the same labels with fragments of each song on all sides: {first.learner} scores "
        f"{first}, chance {chance:.2f}. {ending}{describe_others(others)}",
        details={
            "n_draws": n_draws,
            "n_songs": n_songs,
            "learner": first.learner,
            "beside": [other.as_document() for other in others],
        },
    )

"""Leave-one-source-out: how well is music of new sources predicted."""

from collections.abc import Mapping, Sequence

import numpy as np

from genre_core.audit.intervals import source_interval
from genre_core.audit.label_permutation import predict_by_song, select
from genre_core.audit.learners import Learner, Measured, report_measured
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level, untested
from genre_core.audit.songs import AuditedSong, assign_folds, genres_of_several, name_sources
from genre_core.evaluation.bootstrap import Interval
from genre_core.evaluation.metrics import score_predictions
from genre_core.examples import Examples
from genre_core.records import counted, name_first

FEWEST_GENRES = 2
SHOWN = 5
KEPT_SHARE = 0.5
"""Warn if less of the score above chance is kept on new sources."""

Predictions = dict[str, tuple[int, int]]
"""``track_id`` to the true and the predicted label of a song."""


Fold = tuple[frozenset[str], frozenset[str]]
"""Tracks to train on and tracks to score."""


def check_leave_one_source_out(
    learners: Sequence[Learner],
    songs: Sequence[AuditedSong],
    config: AuditConfig,
    named: tuple[str, dict[str, str]] | None = None,
    noun: str = "song",
) -> Check:
    """Score the songs of each source with learners trained on other groups of other sources.

    The labels are the genres of ``songs``, sorted; the first learner decides. The value is the
    accuracy over all songs of genres that come from several sources; its interval resamples
    sources, and groups, and chance is the share of the largest of these genres. It is compared with
    the score on as many random folds of groups.
    Its two answers are "it predicts music of other sources", where the interval lies above chance
    (pass), and "it does not", where it lies below chance plus `KEPT_SHARE` of the score above
    chance on random folds (warn); else it is inconclusive.

    Notes
    -----
    ``named`` are a level and the source of each track. Without it, a source is a site or
    collection, else a folder, else an album (if unknown, the artist): the widest level at which two
    genres have two sources each. The album effect: Whitman, Flake and Lawrence, "Artist detection
    in music with Minnowmatch", NNSP 2001.
    """
    level, sources = named or name_sources(songs)
    testable = set(genres_of_several(songs, sources))
    if not level or len(testable) < FEWEST_GENRES:
        return untested(CheckName.LEAVE_ONE_SOURCE_OUT, _describe_single(songs, sources, noun))
    fold_of_source = assign_folds(sources, config.n_folds)
    by_source = {song.track_id: fold_of_source[sources[song.track_id]] for song in songs}
    at_random = _assign_groups(songs, max(by_source.values()) + 1, config.seed)
    folds = _folds(songs, by_source, testable)
    outside = [_score_folds(learner, folds, config.seed) for learner in learners]
    if len({genre for genre, _ in outside[0].values()}) < FEWEST_GENRES:
        return untested(
            CheckName.LEAVE_ONE_SOURCE_OUT,
            f"groups span the sources: too few {noun}s are left to train on without those of the "
            f"groups of a source. Add {noun}s of other groups.",
        )
    within = _score_folds(learners[0], _folds(songs, at_random, testable), config.seed)
    measured = [
        Measured(learner=learner.name, score=_interval(predictions, songs, sources, config))
        for learner, predictions in zip(learners, outside, strict=True)
    ]
    return _report(measured, (outside[0], within), sources, level, noun)


def _folds(
    songs: Sequence[AuditedSong], fold_of: Mapping[str, int], testable: set[str]
) -> list[Fold]:
    """Folds with songs to train on and to score, whose groups are apart.

    Genres are scored where they are trained on.
    """
    folds: list[Fold] = []
    for number in sorted(set(fold_of.values())):
        inside = [song for song in songs if fold_of[song.track_id] == number]
        groups = {song.group_id for song in inside}
        kept = [
            song
            for song in songs
            if fold_of[song.track_id] != number and song.group_id not in groups
        ]
        known = {song.genre for song in kept} & testable
        left_out = [song for song in inside if song.genre in known]
        if kept and left_out:
            folds.append((_ids_of(kept), _ids_of(left_out)))
    return folds


def _ids_of(songs: Sequence[AuditedSong]) -> frozenset[str]:
    return frozenset(song.track_id for song in songs)


def _score_folds(learner: Learner, folds: Sequence[Fold], seed: int) -> Predictions:
    """True and predicted label of each scored song while its fold was left out."""
    predictions: Predictions = {}
    for number, fold in enumerate(folds):
        train, scored = (_examples_of(learner.examples, track_ids) for track_ids in fold)
        probabilities = learner.fit(train, scored, seed + number)
        found, true, predicted = predict_by_song(probabilities, scored)
        pairs = zip(true.tolist(), predicted.tolist(), strict=True)
        predictions |= dict(zip(found.tolist(), pairs, strict=True))
    return predictions


def _examples_of(examples: Examples, track_ids: frozenset[str]) -> Examples:
    return select(examples, np.array([t in track_ids for t in examples.track_ids], bool))


def _assign_groups(songs: Sequence[AuditedSong], n_folds: int, seed: int) -> dict[str, int]:
    """Assign the songs of each genre to folds at random, groups as a whole."""
    rng = np.random.default_rng([seed, 11])
    shuffled = [songs[at] for at in rng.permutation(len(songs))]
    ordered = sorted(shuffled, key=lambda song: song.genre)
    number = {group: at for at, group in enumerate(dict.fromkeys(s.group_id for s in ordered))}
    return {song.track_id: number[song.group_id] % n_folds for song in songs}


def _report(
    measured: Sequence[Measured],
    predictions: tuple[Predictions, Predictions],
    sources: Mapping[str, str],
    level: str,
    noun: str,
) -> Check:
    """Compare predictions on left-out sources with those on random folds."""
    first, (outside, within) = measured[0], predictions
    scores, inner = _scores(outside), _scores(within)
    chance = float(np.bincount([true for true, _ in outside.values()]).max() / len(outside))
    n_sources = len({sources[track_id] for track_id in outside})
    result = _level(first.score, chance, inner["accuracy"])
    drop = inner["accuracy"] - scores["accuracy"]
    ending = {
        Level.PASS: f"Chance is {chance:.2f}.",
        Level.INCONCLUSIVE: f"Inconclusive: {n_sources} sources are too few (interval includes "
        f"chance, {chance:.2f}). Add {noun}s from elsewhere.",
        Level.WARN: f"Chance is {chance:.2f}: most of the score depends on the sources, and need "
        "not hold for music from elsewhere.",
    }[result]
    message = (
        f"on music of left-out sources ({n_sources} by {level}) {first.learner} has "
        f"accuracy {first.score} on {counted(len(outside), noun)}, "
        f"macro F1 {scores['macro_f1']:.2f}; with {noun}s of the same sources in training "
        f"{inner['accuracy']:.2f}, macro F1 {inner['macro_f1']:.2f}: "
        f"{f'a drop of {drop:.2f}' if drop > 0 else 'no drop'}. {ending}"
    )
    details = {"level": level, "n_sources": n_sources, "outside": scores, "within": inner}
    name = CheckName.LEAVE_ONE_SOURCE_OUT
    return report_measured(name, result, measured, chance, message, details)


def _level(score: Interval, chance: float, within: float) -> Level:
    if score.low > chance:
        return Level.PASS
    if score.high < max(chance, chance + KEPT_SHARE * (within - chance)):
        return Level.WARN
    return Level.INCONCLUSIVE


def _interval(
    predictions: Predictions,
    songs: Sequence[AuditedSong],
    sources: Mapping[str, str],
    config: AuditConfig,
) -> Interval:
    hits = np.array([true == predicted for true, predicted in predictions.values()], np.float64)
    group_of = {song.track_id: song.group_id for song in songs}
    by_source, by_group = (
        [named[track_id] for track_id in predictions] for named in (sources, group_of)
    )
    rng = np.random.default_rng([config.seed, 13])
    return source_interval(hits, by_source, by_group, config.n_resamples, rng)


def _scores(predictions: Predictions) -> dict[str, float]:
    true, predicted = np.array(list(predictions.values()), np.int64).T
    n_genres = int(max(true.max(), predicted.max())) + 1
    scores = score_predictions(true, predicted, [str(label) for label in range(n_genres)])
    return {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1}


def _describe_single(songs: Sequence[AuditedSong], sources: Mapping[str, str], noun: str) -> str:
    several = set(genres_of_several(songs, sources))
    single = sorted({song.genre for song in songs} - several)
    named = name_first(single, SHOWN)
    return (
        f"two genres need {noun}s of two sources each; genres of one source: {named}. Add {noun}s "
        "of each genre from elsewhere."
    )

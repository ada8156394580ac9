"""Leave one source out: how well is music predicted that comes from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.audit.intervals import Interval, source_interval
from genre_core.audit.label_permutation import select, song_verdicts
from genre_core.audit.learners import Learner, Measured, describe_others
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level, untested
from genre_core.audit.songs import AuditedSong, deal_sources, genres_of_several, name_sources
from genre_core.examples import Examples

FEWEST_GENRES = 2
SHOWN = 5
KEPT_SHARE = 0.5
"""Of the score above chance with the same sources in training; less on others is warned of."""

Verdicts = dict[str, tuple[int, int]]
"""``track_id`` to the label of a song and the one that was predicted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fold:
    """Songs to train on and songs to score."""

    train: frozenset[str]
    scored: frozenset[str]


def check_source_out(
    learners: Sequence[Learner], songs: Sequence[AuditedSong], config: AuditConfig
) -> Check:
    """Train on all sources but some, score the songs of those, until each was left out once.

    Parameters
    ----------
    learners : sequence of Learner
        Their examples are of ``songs``, whose genres, sorted, are the labels. The first decides.

    Returns
    -------
    Check
        Its value is the accuracy over all songs of genres that come from several sources, each
        scored while its source was left out; its interval resamples sources, and chance is the
        share of the largest of these genres. Beside it stands the score with the songs dealt into
        as many parts whatever their source.
        Its two answers are "it predicts music of other sources" and "it does not". It passes where
        the interval lies above chance. It warns where the interval lies below chance plus
        `KEPT_SHARE` of what is above chance with the same sources in training: the score rests on
        the sources. It is inconclusive where the interval reaches from chance to that line.

    Notes
    -----
    A source is a site or collection, else a folder, else an album (where nobody knows it, the
    artist): the widest at which two genres have two sources each. The album effect: Whitman,
    Flake and Lawrence, "Artist detection in music with Minnowmatch", NNSP 2001.
    """
    level, sources = name_sources(songs)
    if not level:
        return untested(CheckName.SOURCE_OUT, _tell_single(songs, sources))
    testable = set(genres_of_several(songs, sources))
    fold_of_source = deal_sources(sources, config.n_folds)
    by_source = {song.track_id: fold_of_source[sources[song.track_id]] for song in songs}
    at_random = _deal_songs(songs, max(by_source.values()) + 1, config.seed)
    folds = _folds(songs, by_source, testable)
    outside = [_score_folds(learner, folds, config.seed) for learner in learners]
    if len({genre for genre, _ in outside[0].values()}) < FEWEST_GENRES:
        return untested(CheckName.SOURCE_OUT, _tell_single(songs, sources))
    within = _score_folds(learners[0], _folds(songs, at_random, testable), config.seed)
    measured = [
        Measured(
            learner=learner.name,
            value=_scores(verdicts)["accuracy"],
            interval=_interval(verdicts, sources, config),
        )
        for learner, verdicts in zip(learners, outside, strict=True)
    ]
    return _report(measured, outside[0], within, sources, level)


def _folds(
    songs: Sequence[AuditedSong], fold_of: Mapping[str, int], testable: set[str]
) -> list[_Fold]:
    """Return the folds that have songs on both sides; a genre is scored where it is trained on."""
    folds = []
    for number in sorted(set(fold_of.values())):
        kept = [song for song in songs if fold_of[song.track_id] != number]
        known = {song.genre for song in kept} & testable
        left_out = [s for s in songs if fold_of[s.track_id] == number and s.genre in known]
        fold = _Fold(
            train=frozenset(song.track_id for song in kept),
            scored=frozenset(song.track_id for song in left_out),
        )
        folds += [fold] if fold.train and fold.scored else []
    return folds


def _score_folds(learner: Learner, folds: Sequence[_Fold], seed: int) -> Verdicts:
    """Return label and prediction of each song that can be scored, found while it was left out."""
    verdicts: Verdicts = {}
    for number, fold in enumerate(folds):
        train, scored = (_examples_of(learner.examples, ids) for ids in (fold.train, fold.scored))
        probabilities = learner.fit(train, scored, seed + number)
        found, true, predicted = song_verdicts(probabilities, scored)
        pairs = zip(true.tolist(), predicted.tolist(), strict=True)
        verdicts |= dict(zip(found.tolist(), pairs, strict=True))
    return verdicts


def _examples_of(examples: Examples, track_ids: frozenset[str]) -> Examples:
    return select(examples, np.array([t in track_ids for t in examples.track_ids], bool))


def _deal_songs(songs: Sequence[AuditedSong], n_folds: int, seed: int) -> dict[str, int]:
    """Deal the songs of each genre into folds at random."""
    rng = np.random.default_rng([seed, 11])
    shuffled = [songs[at] for at in rng.permutation(len(songs))]
    ordered = sorted(shuffled, key=lambda song: song.genre)
    return {song.track_id: at % n_folds for at, song in enumerate(ordered)}


def _report(
    measured: Sequence[Measured],
    outside: Verdicts,
    within: Verdicts,
    sources: Mapping[str, str],
    level: str,
) -> Check:
    first, others = measured[0], measured[1:]
    scores, inner = _scores(outside), _scores(within)
    chance = float(np.bincount([true for true, _ in outside.values()]).max() / len(outside))
    n_sources = len({sources[track_id] for track_id in outside})
    result = _level(first.interval, chance, inner["accuracy"])
    return Check(
        name=CheckName.SOURCE_OUT,
        level=result,
        value=first.value,
        interval=first.interval,
        chance=chance,
        message=f"on music of sources left out ({n_sources} by {level}) {first.learner} predicts "
        f"{first} of {len(outside)} songs correctly, macro F1 {scores['macro_f1']:.2f}; with songs "
        f"of the same sources in training {inner['accuracy']:.2f}, macro F1 "
        f"{inner['macro_f1']:.2f}: {_tell_drop(inner['accuracy'] - scores['accuracy'])}. "
        f"{_tell_level(result, chance, n_sources)}{describe_others(others)}",
        details={
            "level": level,
            "n_sources": n_sources,
            "learner": first.learner,
            "outside": scores,
            "within": inner,
            "beside": [other.as_document() for other in others],
        },
    )


def _level(interval: Interval, chance: float, within: float) -> Level:
    low, high = interval
    if low > chance:
        return Level.PASS
    if high < max(chance, chance + KEPT_SHARE * (within - chance)):
        return Level.WARN
    return Level.INCONCLUSIVE


def _interval(verdicts: Verdicts, sources: Mapping[str, str], config: AuditConfig) -> Interval:
    hits = np.array([true == predicted for true, predicted in verdicts.values()], np.float64)
    clusters = [sources[track_id] for track_id in verdicts]
    rng = np.random.default_rng([config.seed, 13])
    return source_interval(hits, clusters, config.n_resamples, rng)


def _scores(verdicts: Verdicts) -> dict[str, float]:
    from genre_core.evaluation.metrics import score_predictions

    true, predicted = (
        np.array(column, np.int64) for column in zip(*verdicts.values(), strict=True)
    )
    n_genres = int(max(true.max(), predicted.max())) + 1
    scores = score_predictions(true, predicted, [str(label) for label in range(n_genres)])
    return {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1}


def _tell_level(level: Level, chance: float, n_sources: int) -> str:
    if level is Level.PASS:
        return f"Chance is {chance:.2f}."
    if level is Level.INCONCLUSIVE:
        return (
            f"Inconclusive: {n_sources} sources are too few (interval includes chance, "
            f"{chance:.2f}). Add songs from elsewhere."
        )
    return (
        f"Chance is {chance:.2f}: most of the score rests on the sources, and need not hold for "
        "music from elsewhere."
    )


def _tell_drop(drop: float) -> str:
    return f"a drop of {drop:.2f}" if drop > 0 else "no drop"


def _tell_single(songs: Sequence[AuditedSong], sources: Mapping[str, str]) -> str:
    several = set(genres_of_several(songs, sources))
    single = sorted({song.genre for song in songs} - several)
    named = ", ".join(single[:SHOWN]) + (" …" if len(single) > SHOWN else "")
    return (
        f"two genres with songs of two sources each are needed, and of one source alone come: "
        f"{named}. Add songs of each genre from elsewhere."
    )

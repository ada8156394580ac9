"""Leave one source out: how well is music judged that comes from elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.audit.draws import select, song_verdicts
from genre_core.audit.intervals import Interval, source_interval
from genre_core.audit.random_labels import Judge
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level, untested
from genre_core.audit.songs import AuditedSong
from genre_core.audit.sources import deal_sources, genres_of_several, name_sources
from genre_core.examples import Examples

FEWEST_GENRES = 2
SHOWN = 5
VALIDATION_EVERY = 5

Verdicts = dict[str, tuple[int, int]]
"""``track_id`` to the label of a song and the one that it was taken for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fold:
    """Songs to train on, to choose the epoch by, and to score."""

    train: frozenset[str]
    validation: frozenset[str]
    scored: frozenset[str]


def check_source_out(
    examples: Examples, songs: Sequence[AuditedSong], judge: Judge, config: AuditConfig
) -> Check:
    """Train on all sources but some, score the songs of those, until each was left out once.

    Parameters
    ----------
    examples : Examples
        Of ``songs``, whose genres, sorted, are the labels.
    judge : callable
        The pipeline's own training; it must give a column for each of those genres.

    Returns
    -------
    Check
        Its value is the accuracy over all songs of genres that come from several sources, each
        scored while its source was left out; its interval resamples sources, and chance is the
        share of the largest of these genres. Beside it stands the score with the songs dealt into
        as many parts whatever their source. It warns unless the interval lies above chance.

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
    outside = _score_folds(examples, songs, by_source, testable, judge, config.seed)
    within = _score_folds(examples, songs, at_random, testable, judge, config.seed)
    if len({genre for genre, _ in outside.values()}) < FEWEST_GENRES:
        return untested(CheckName.SOURCE_OUT, _tell_single(songs, sources))
    return _tell(outside, within, sources, level, config)


def _score_folds(
    examples: Examples,
    songs: Sequence[AuditedSong],
    fold_of: Mapping[str, int],
    testable: set[str],
    judge: Judge,
    seed: int,
) -> Verdicts:
    """Give label and verdict of each song that can be scored, found while it was left out."""
    verdicts: Verdicts = {}
    for number in sorted(set(fold_of.values())):
        fold = _fold(songs, fold_of, number, testable, seed)
        if not (fold.train and fold.validation and fold.scored):
            continue
        train, validation, scored = (
            _examples_of(examples, ids) for ids in (fold.train, fold.validation, fold.scored)
        )
        found, true, predicted = song_verdicts(judge(train, validation, scored, number), scored)
        pairs = zip(true.tolist(), predicted.tolist(), strict=True)
        verdicts |= dict(zip(found.tolist(), pairs, strict=True))
    return verdicts


def _fold(
    songs: Sequence[AuditedSong],
    fold_of: Mapping[str, int],
    number: int,
    testable: set[str],
    seed: int,
) -> _Fold:
    """Take every fifth of the songs that stay in, at random, to choose the epoch by."""
    kept = [song for song in songs if fold_of[song.track_id] != number]
    known = {song.genre for song in kept} & testable
    order = np.random.default_rng([seed, number]).permutation(len(kept))
    held = frozenset(kept[at].track_id for at in order[::VALIDATION_EVERY])
    return _Fold(
        train=frozenset(song.track_id for song in kept) - held,
        validation=held,
        scored=frozenset(
            song.track_id
            for song in songs
            if fold_of[song.track_id] == number and song.genre in known
        ),
    )


def _examples_of(examples: Examples, track_ids: frozenset[str]) -> Examples:
    return select(examples, np.array([t in track_ids for t in examples.track_ids], bool))


def _deal_songs(songs: Sequence[AuditedSong], n_folds: int, seed: int) -> dict[str, int]:
    """Deal the songs of each genre into folds at random."""
    rng = np.random.default_rng([seed, 11])
    shuffled = [songs[at] for at in rng.permutation(len(songs))]
    ordered = sorted(shuffled, key=lambda song: song.genre)
    return {song.track_id: at % n_folds for at, song in enumerate(ordered)}


def _tell(
    outside: Verdicts,
    within: Verdicts,
    sources: Mapping[str, str],
    level: str,
    config: AuditConfig,
) -> Check:
    scores, inner = _scores(outside), _scores(within)
    interval = _interval(outside, sources, config)
    chance = float(np.bincount([true for true, _ in outside.values()]).max() / len(outside))
    n_sources = len({sources[track_id] for track_id in outside})
    elsewhere = interval[0] > chance
    return Check(
        name=CheckName.SOURCE_OUT,
        level=Level.PASS if elsewhere else Level.WARN,
        value=scores["accuracy"],
        interval=interval,
        chance=chance,
        message=f"on music of sources left out ({n_sources} by {level}) a small network gets "
        f"{scores['accuracy']:.2f} of {len(outside)} songs right "
        f"[{interval[0]:.2f}, {interval[1]:.2f}], macro F1 {scores['macro_f1']:.2f}; with songs of "
        f"the same sources in training {inner['accuracy']:.2f}, macro F1 {inner['macro_f1']:.2f}: "
        f"{_tell_drop(inner['accuracy'] - scores['accuracy'])}. {_tell_chance(elsewhere, chance)}",
        details={"level": level, "n_sources": n_sources, "outside": scores, "within": inner},
    )


def _interval(verdicts: Verdicts, sources: Mapping[str, str], config: AuditConfig) -> Interval:
    hits = np.array([true == predicted for true, predicted in verdicts.values()], np.float64)
    clusters = [sources[track_id] for track_id in verdicts]
    rng = np.random.default_rng([config.seed, 13])
    return source_interval(hits, clusters, config.n_resamples, rng)


def _scores(verdicts: Verdicts) -> dict[str, float]:
    from genre_core.metrics import score_predictions

    true, predicted = (
        np.array(column, np.int64) for column in zip(*verdicts.values(), strict=True)
    )
    n_genres = int(max(true.max(), predicted.max())) + 1
    scores = score_predictions(true, predicted, [str(label) for label in range(n_genres)])
    return {"accuracy": scores.accuracy, "macro_f1": scores.macro_f1}


def _tell_chance(elsewhere: bool, chance: float) -> str:
    if elsewhere:
        return f"Chance is {chance:.2f}."
    return (
        f"It cannot be told from chance ({chance:.2f}): what is learnt here need not hold for "
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

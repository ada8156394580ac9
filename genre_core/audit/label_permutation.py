"""Label permutation: permuted labels can be predicted only if the split leaks.

Zhang et al., "Understanding deep learning requires rethinking generalization", ICLR 2017: networks
memorise random labels, so a score above chance is a leak (Ojala and Garriga, "Permutation tests for
studying classifier performance", JMLR 11, 2010).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from genre_core.audit.intervals import prediction_interval, two_way_interval
from genre_core.audit.learners import Learner, Measured, report_measured
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level, untested
from genre_core.audit.songs import AuditedSong
from genre_core.dataset.splits import SHARES
from genre_core.evaluation.bootstrap import Interval
from genre_core.evaluation.songs import vote_songs
from genre_core.examples import Examples, Float32Array, Int64Array
from genre_core.records import LEARNING_SPLITS, Split

MOST_VALUES = 4096
"""Values of a matrix; larger ones are averaged over frames."""
OTHERS = (Split.VALIDATION, Split.TEST)

Splits = npt.NDArray[np.object_]


def subsample_songs(
    songs: Sequence[AuditedSong], recordings: Mapping[str, str], n_songs: int, seed: int
) -> list[AuditedSong]:
    """Draw ``n_songs`` songs; duplicates of one recording come together."""
    names = sorted({recordings[song.track_id] for song in songs})
    rank = {name: at for at, name in enumerate(np.random.default_rng(seed).permutation(names))}
    ordered = sorted(songs, key=lambda song: (rank[recordings[song.track_id]], song.track_id))
    return ordered[:n_songs]


def subsample_examples(examples: Examples, n_fragments: int) -> Examples:
    """Keep the first fragments of each song; average frames where a matrix is large."""
    seen: dict[str, int] = {}
    kept = np.zeros(len(examples), bool)
    for row, track_id in enumerate(examples.track_ids):
        seen[track_id] = seen.get(track_id, 0) + 1
        kept[row] = seen[track_id] <= n_fragments
    chosen = select(examples, kept)
    return replace(chosen, matrices=shrink(chosen.matrices))


def shrink(matrices: Float32Array) -> Float32Array:
    """Average blocks of frames until a matrix has at most 4096 values, or one frame.

    From (n_examples, n_bands, n_frames) to (n_examples, n_bands, n_blocks); frames behind the last
    complete block are left out.
    """
    n_examples, n_bands, n_frames = matrices.shape
    block = min(n_frames, -(-n_bands * n_frames // MOST_VALUES))
    n_blocks = n_frames // block
    blocks = matrices[..., : n_blocks * block].reshape(n_examples, n_bands, n_blocks, block)
    return blocks.mean(axis=-1, dtype=np.float32)


def select(examples: Examples, rows: npt.NDArray[np.bool_] | Int64Array) -> Examples:
    """Return the examples of some rows."""
    return Examples(
        matrices=examples.matrices[rows],
        labels=examples.labels[rows],
        track_ids=examples.track_ids[rows],
    )


def relabel(examples: Examples, label_of_song: Mapping[str, int]) -> Examples:
    """Replace the labels, one a song."""
    labels = np.array([label_of_song[track_id] for track_id in examples.track_ids], np.int64)
    return replace(examples, labels=labels)


def permute_labels(
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    n_genres: int,
    rng: np.random.Generator,
) -> dict[str, int]:
    """Assign random labels, 0..n_genres-1, to tracks, in equal numbers in each subset.

    Duplicates of one recording get one label, as they have one genre; in two subsets, that of the
    first. The remainder goes to genres drawn at random, so that every label is equally probable for
    every recording and independent between subsets: whatever a model learns in one, it is right in
    another with probability 1 / n_genres.
    """
    split_of = {recordings[song.track_id]: song.split for song in reversed(songs)}
    subsets = [sorted(name for name, own in split_of.items() if own == s) for s in LEARNING_SPLITS]
    labels = assign_labels(subsets, n_genres, rng)
    return {song.track_id: labels[recordings[song.track_id]] for song in songs}


def assign_labels(
    subsets: Iterable[Sequence[str]], n_genres: int, rng: np.random.Generator
) -> dict[str, int]:
    """Assign random labels to the names of each subset, in equal numbers."""
    labels: dict[str, int] = {}
    for names in subsets:
        order = rng.permutation(n_genres)
        permuted = rng.permutation(order[np.arange(len(names)) % n_genres])
        labels |= dict(zip(names, permuted.tolist(), strict=True))
    return labels


def splits_by_fragment(examples: Examples, rng: np.random.Generator) -> Splits:
    """Subset of each example, drawn for each fragment separately: 70, 15 and 15 %."""
    cuts = (np.cumsum(list(SHARES.values())) * len(examples)).round().astype(int)
    splits = np.empty(len(examples), object)
    order = rng.permutation(len(examples))
    for split, rows in zip(SHARES, np.split(order, cuts[:-1]), strict=True):
        splits[rows] = split
    return splits


def predict_by_song(
    probabilities: Float32Array, examples: Examples
) -> tuple[npt.NDArray[np.object_], Int64Array, Int64Array]:
    """Return songs, true labels, and labels predicted by the mean of the fragments."""
    label_of_song = dict(zip(examples.track_ids.tolist(), examples.labels.tolist(), strict=True))
    track_ids, by_song = vote_songs(probabilities, examples.track_ids, "mean")
    labels = np.array([label_of_song[track_id] for track_id in track_ids], np.int64)
    return track_ids, labels, by_song.argmax(axis=1).astype(np.int64)


def check_by_song(
    learners: Sequence[Learner],
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    n_genres: int,
    config: AuditConfig,
) -> Check:
    """Score permuted labels on the stored split: the accuracy by song must be at chance.

    The first learner decides; the true labels of its examples are not used. Validation chooses
    nothing here, so that validation songs are scored, too. It fails above chance, and warns below,
    which no leak explains.
    Its two answers are "no song leaks", which scores at chance, and "a share of
    ``config.leak_share`` of the songs has a duplicate in training", which scores
    chance + leak_share (1 - chance). It passes where the interval excludes the second, and is
    inconclusive where it includes both.
    """
    if missing := _missing_splits(songs):
        return untested(CheckName.BY_SONG, missing)
    measured = [_score_songs(learner, songs, recordings, n_genres, config) for learner in learners]
    score, n_draws, chance = measured[0].score, learners[0].n_draws, 1 / n_genres
    n_songs = sum(song.split in OTHERS for song in songs)
    share = config.leak_share
    with_leak = chance + share * (1 - chance)
    level = level_by_song(score, chance, with_leak)
    ending = {
        Level.PASS: f"No leak: duplicates of {share:.0%} of these songs would score "
        f"{with_leak:.2f}.",
        Level.INCONCLUSIVE: f"Inconclusive: {n_songs} songs and {n_draws} permutations are too "
        f"few (interval includes chance and {with_leak:.2f}, the score if {share:.0%} of the "
        "songs leaked). Add songs, or raise audit.n_draws.",
        Level.WARN: "That is below chance, which no leak explains. Raise audit.n_draws.",
        Level.FAIL: "Only a leak between the subsets explains that: do not trust scores of this "
        "snapshot; look for duplicates and artists in two subsets.",
    }[level]
    sentence = (
        f"labels permuted among songs {n_draws} times: {learners[0].name} scores {score} on "
        f"{n_songs} validation and test songs, chance {chance:.2f}. {ending}"
    )
    details = {"n_draws": n_draws, "n_scored_songs": n_songs, "score_with_leak": with_leak}
    return report_measured(CheckName.BY_SONG, level, measured, chance, sentence, details)


def check_by_fragment(
    learners: Sequence[Learner],
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    n_genres: int,
    config: AuditConfig,
) -> Check:
    """Score the same permuted labels on a split by fragment, as in the thesis.

    It is the control of `check_by_song`: its two answers are "these learners detect a leak" and
    "they do not". Its value is the accuracy by fragment. It passes above chance, which also shows
    by how much such a split inflates a score, and is inconclusive otherwise.
    """
    if missing := _missing_splits(songs):
        return untested(CheckName.BY_FRAGMENT, missing)
    measured = [
        _score_fragments(learner, songs, recordings, n_genres, config) for learner in learners
    ]
    score, n_draws, chance = measured[0].score, learners[0].n_draws, 1 / n_genres
    level = Level.PASS if score.low > chance else Level.INCONCLUSIVE
    ending = {
        Level.PASS: "A fragment-level split would inflate the score by this much, and the audit "
        "detects leaks.",
        Level.INCONCLUSIVE: f"Inconclusive: {len(songs)} songs are too few to show that a leak "
        "would be detected (interval does not exceed chance). Add songs.",
    }[level]
    sentence = (
        f"the same labels with fragments of each song in all subsets: {learners[0].name} scores "
        f"{score}, chance {chance:.2f}. {ending}"
    )
    details = {"n_draws": n_draws, "n_songs": len(songs)}
    return report_measured(CheckName.BY_FRAGMENT, level, measured, chance, sentence, details)


def level_by_song(score: Interval, chance: float, with_leak: float) -> Level:
    """Return the level of a score on permuted labels; see `check_by_song`."""
    if score.low > chance:
        return Level.FAIL
    if score.high < chance:
        return Level.WARN
    return Level.PASS if score.high < with_leak else Level.INCONCLUSIVE


def _missing_splits(songs: Sequence[AuditedSong]) -> str:
    """Sentence that names subsets without a song; empty if there are none."""
    found = {song.split for song in songs}
    empty = [str(split) for split in LEARNING_SPLITS if split not in found]
    return f"no song of the snapshot is left for {' and '.join(empty)}." if empty else ""


def _score_songs(
    learner: Learner,
    songs: Sequence[AuditedSong],
    recordings: Mapping[str, str],
    n_genres: int,
    config: AuditConfig,
) -> Measured:
    split_of = {song.track_id: song.split for song in songs}
    splits = np.array([split_of[track_id] for track_id in learner.examples.track_ids], object)
    track_ids = sorted(set(learner.examples.track_ids[np.isin(splits, OTHERS)]))
    column = {track_id: at for at, track_id in enumerate(track_ids)}
    hits = np.zeros((learner.n_draws, len(column)))
    for draw in range(learner.n_draws):
        labels = permute_labels(songs, recordings, n_genres, _rng(config, draw))
        tested, probabilities = _score_others(learner, labels, splits, config.seed + draw)
        found, true, predicted = predict_by_song(probabilities, tested)
        hits[draw, [column[track_id] for track_id in found]] = true == predicted
    score = prediction_interval(hits, config.n_resamples, _rng(config, -1))
    return Measured(learner=learner.name, score=score)


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
        labels = permute_labels(songs, recordings, n_genres, _rng(config, draw))
        splits = splits_by_fragment(learner.examples, _rng(config, draw, 1))
        tested, probabilities = _score_others(learner, labels, splits, config.seed + draw)
        columns = [column[track_id] for track_id in tested.track_ids]
        np.add.at(hits[draw], columns, probabilities.argmax(axis=1) == tested.labels)
        np.add.at(weights[draw], columns, 1)
    score = two_way_interval(hits, weights, config.n_resamples, _rng(config, -1))
    return Measured(learner=learner.name, score=score)


def _score_others(
    learner: Learner, labels: Mapping[str, int], splits: Splits, seed: int
) -> tuple[Examples, Float32Array]:
    """Train on relabelled training examples; return the others and their probabilities."""
    examples = relabel(learner.examples, labels)
    others = select(examples, np.isin(splits, OTHERS))
    return others, learner.fit(select(examples, splits == Split.TRAIN), others, seed)


def _rng(config: AuditConfig, *stream: int) -> np.random.Generator:
    """Random generator for one purpose; -1 is that of the resamples."""
    return np.random.default_rng([config.seed, *(number + 1 for number in stream)])

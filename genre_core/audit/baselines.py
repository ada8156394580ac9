"""Baselines without sound: the genre from the file or from metadata, compared with the best run.

Sturm, "A simple method to determine if a music information retrieval system is a 'horse'", IEEE
Trans. Multimedia 16(6), 2014; Geirhos et al., "Shortcut learning in deep neural networks", Nature
Machine Intelligence 2, 2020.
"""

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genre_core.audit.intervals import recall_interval
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level, untested
from genre_core.audit.songs import AuditedSong, fold_groups
from genre_core.evaluation.bootstrap import Float64Array, Interval
from genre_core.records import Split, counted

SHOWN = 3
FEWEST_TRAIN = 4
FILE_CUES = (
    "loudness_db",
    "duration_s",
    "bit_rate",
    "sample_rate",
    "codec",
    "cutoff_hz",
    "n_bytes",
)
FILE_TREES = 100
FILE_ADVICE = "Add songs of each genre from other encoders, or encode all alike."

TEXTS = ("artist", "album", "publisher")
FORMAT = ("bit_rate", "sample_rate", "codec", "channels")
METADATA_CUES: Mapping[str, tuple[str, ...]] = {
    **{text: (text,) for text in TEXTS},
    "year": ("year",),
    "file": FORMAT,
}
METADATA_TREES = 40
MOST_WORDS = 200
"""Most frequent words of each text that are used."""
MOST_SONGS = 1000
WORD = r"(?u)\b\w\w+\b"
METADATA_ADVICE = (
    "Genre and origin go together in this library: add songs of each genre by other artists, "
    "labels and albums."
)

BoolArray = npt.NDArray[np.bool_]
Folds = list[tuple[list[int], list[int]]]


def check_shortcuts(
    songs: Sequence[AuditedSong], predictions: Mapping[str, str], config: AuditConfig
) -> Check:
    """Predict the genre from the file alone, and compare with the predictions of the best run.

    The value is the mean recall over genres, on validation and test songs, of a forest that is
    trained on the `FILE_CUES` of the training songs. ``predictions`` are those of the best run for
    validation and test songs, by track; empty where there is none. See `report_baseline`.
    """
    train = [song for song in songs if song.split == Split.TRAIN]
    known = {song.genre for song in train}
    scored = [song for song in songs if song.split != Split.TRAIN and song.genre in known]
    if len({song.genre for song in scored}) < 2 or len(train) < FEWEST_TRAIN:
        return untested(
            CheckName.SHORTCUTS, "songs of two genres are needed in and outside training."
        )
    genres = np.array([song.genre for song in scored])

    def hits(cues: Sequence[str]) -> BoolArray:
        columns = cue_columns([*train, *scored], cues)
        fitted, rest = columns[: len(train)], columns[len(train) :]
        predicted = forest_predictions(fitted, [song.genre for song in train], rest, FILE_TREES)
        return np.asarray(predicted == genres)

    baseline = Baseline(
        name="the file",
        genres=genres,
        groups=[song.group_id for song in scored],
        by_cue={cue: hits((cue,)) for cue in FILE_CUES},
        together=hits(FILE_CUES),
        predictions=np.array([predictions.get(song.track_id, "") for song in scored]),
    )
    return report_baseline(CheckName.SHORTCUTS, baseline, FILE_ADVICE, config)


def check_metadata(
    songs: Sequence[AuditedSong], predictions: Mapping[str, str], config: AuditConfig
) -> Check:
    """Predict the genre from metadata alone, and compare with the predictions of the best run.

    The value is the mean recall over genres of a forest that sees the words of artist, album and
    publisher, the year, bit rate, sample rate, codec and channels of at most 1000 songs. Each song
    is predicted from songs of other artists. See `report_baseline`.

    Notes
    -----
    As folds separate artists, an artist's name does not predict its own songs. Words count where
    artists share them: styles (``orchestra``, ``dj``), and common albums or labels, which show that
    a genre comes from one collection, whose sound a model may learn in place of the genre.
    """
    drawn = np.random.default_rng([config.seed, 17]).permutation(len(songs))[:MOST_SONGS]
    songs = [songs[at] for at in sorted(drawn)]
    artists = fold_groups(songs)
    folds = list(group_folds([song.genre for song in songs], artists, config))
    scored = sorted(at for _, held_out in folds for at in held_out)
    if len({songs[at].genre for at in scored}) < 2:
        return untested(
            CheckName.METADATA, "songs of two genres are needed, each by two artists at least."
        )
    baseline = Baseline(
        name="the metadata",
        genres=np.array([songs[at].genre for at in scored]),
        groups=[artists[at] for at in scored],
        by_cue={
            name: _metadata_hits(songs, folds, cues)[scored]
            for name, cues in METADATA_CUES.items()
            if any(getattr(song, cue) for song in songs for cue in cues)
        },
        together=_metadata_hits(songs, folds, (*TEXTS, "year", *FORMAT))[scored],
        predictions=np.array([predictions.get(songs[at].track_id, "") for at in scored]),
    )
    return report_baseline(CheckName.METADATA, baseline, METADATA_ADVICE, config)


def forest_predictions(
    train: Float64Array, genres: Sequence[str], scored: Float64Array, n_trees: int
) -> npt.NDArray[np.str_]:
    """Predict genres with a random forest: (n_scored,), empty where no column is known.

    Columns are NaN where unknown; those that are unknown in training are left out.
    """
    from sklearn.ensemble import RandomForestClassifier

    is_known = ~np.isnan(train).all(axis=0)
    if not is_known.any():
        return np.full(len(scored), "")
    forest = RandomForestClassifier(n_trees, class_weight="balanced", random_state=0, n_jobs=1)
    forest.fit(train[:, is_known], list(genres))
    return np.asarray(forest.predict(scored[:, is_known]), dtype=str)


def cue_columns(songs: Sequence[AuditedSong], cues: Sequence[str]) -> Float64Array:
    """Return the cues of songs as numbers, (n_songs, n_cues).

    A codec is its place in the alphabet of codecs; NaN where a sound was not measured.
    """
    codecs = {codec: at for at, codec in enumerate(sorted({song.codec for song in songs}))}
    rows = [
        [codecs[song.codec] if cue == "codec" else getattr(song, cue) for cue in cues]
        for song in songs
    ]
    return np.array(rows, np.float64)


def mean_recall(hits: BoolArray, genres: Sequence[str] | npt.NDArray[np.str_]) -> float:
    """Mean over genres of the share of their songs that are hits."""
    true = np.asarray(genres, dtype=str)
    return float(np.mean([hits[true == genre].mean() for genre in np.unique(true)]))


def group_folds(
    genres: Sequence[str], groups: Sequence[str], config: AuditConfig
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the songs to fit on, and those to predict: of other groups, in genres fitted on."""
    from sklearn.model_selection import StratifiedGroupKFold

    most_songs = max(Counter(genres).values(), default=0)
    n_folds = min(config.n_folds, len(set(groups)), most_songs)
    if n_folds < 2:
        return
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=config.seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        folds = list(splitter.split(genres, genres, groups))
    for fitted, held_out in folds:
        known = {genres[at] for at in fitted}
        yield fitted.tolist(), [at for at in held_out.tolist() if genres[at] in known]


def _metadata_hits(songs: Sequence[AuditedSong], folds: Folds, cues: Sequence[str]) -> BoolArray:
    """Which songs a forest on these cues predicts correctly, (n_songs,)."""
    genres = np.array([song.genre for song in songs])
    hits = np.zeros(len(songs), bool)
    numeric = [cue for cue in cues if cue not in TEXTS]
    numbers = cue_columns(songs, numeric)
    if "year" in numeric:
        years = numbers[:, numeric.index("year")]
        years[years == 0] = np.nan
    for fitted, held_out in folds:
        words = [
            word_columns([getattr(song, cue) for song in songs], fitted)
            for cue in cues
            if cue in TEXTS
        ]
        columns = np.hstack([numbers, *words])
        fit_genres = genres[fitted].tolist()
        predicted = forest_predictions(
            columns[fitted], fit_genres, columns[held_out], METADATA_TREES
        )
        hits[held_out] = predicted == genres[held_out]
    return hits


def word_columns(texts: Sequence[str], fitted: Sequence[int]) -> Float64Array:
    """Whether each text has each word that the fitted ones have, (n_texts, n_words)."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(binary=True, max_features=MOST_WORDS, token_pattern=WORD)
    if not any(map(vectorizer.build_analyzer(), (texts[at] for at in fitted))):
        return np.zeros((len(texts), 0))
    vectorizer.fit([texts[at] for at in fitted])
    return np.asarray(vectorizer.transform(texts).toarray(), np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What messages call the rows, their groups, and what a baseline is compared with."""

    row: str = "song"
    group: str = "artist"
    model: str = "the best run"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """Scored songs, and which of them a baseline predicts correctly.

    Attributes
    ----------
    name : str
        As messages name it: ``the file``.
    groups : sequence of str
        The group of each song, which its interval resamples.
    by_cue : mapping of str to bool [shape=(n_songs,)]
        Hits of forests on one cue alone.
    together : bool [shape=(n_songs,)]
        Hits of the forest on all cues.
    predictions : str [shape=(n_songs,)]
        Of the best run; empty where it predicts none.
    words : Words
    """

    name: str
    genres: npt.NDArray[np.str_]
    groups: Sequence[str]
    by_cue: Mapping[str, BoolArray]
    together: BoolArray
    predictions: npt.NDArray[np.str_]
    words: Words = Words()


def report_baseline(
    check: CheckName, baseline: Baseline, advice: str, config: AuditConfig
) -> Check:
    """Compare a baseline with the best run by mean recall over genres; chance is 1 over them.

    Its two answers are "it explains more than ``config.shortcut_share`` of the score of the best
    run above chance" and "it does not". It warns where the value does and the interval lies above
    chance, passes where the whole interval does not, else it is inconclusive.

    The share explained is (value - chance) / (run - chance); without a run, that of a perfect one.
    It is an upper bound: metadata and sound may be correlated.
    """
    genres, n_songs, words = baseline.genres, len(baseline.genres), baseline.words
    chance = 1 / len(set(genres))

    def score_of(hits: BoolArray) -> Interval:
        rng = np.random.default_rng([config.seed, 7])
        return recall_interval(hits, genres, baseline.groups, config.n_resamples, rng)

    if score_of(np.ones(n_songs, bool)).low <= chance:
        return untested(
            check,
            f"{counted(n_songs, words.row)} of {counted(len(set(baseline.groups)), words.group)} "
            "cannot distinguish even a perfect score from chance. "
            f"Add {words.row}s of other {words.group}s.",
        )
    score, best = score_of(baseline.together), _run_recall(baseline)
    limit = chance + config.shortcut_share * max(0.0, (1.0 if best is None else best) - chance)
    level = Level.PASS if score.high <= limit else Level.INCONCLUSIVE
    if score.low > chance and score.value > limit:
        level = Level.WARN
    included = "chance" if score.low <= chance else f"{limit:.2f}, above which it warns"
    ending = {
        Level.WARN: f" {advice}",
        Level.PASS: "",
        Level.INCONCLUSIVE: f" Inconclusive: {counted(n_songs, words.row)} are too few (interval "
        f"includes {included}).",
    }[level]
    by_cue = {cue: mean_recall(hits, genres) for cue, hits in baseline.by_cue.items()}
    ranked = sorted(by_cue.items(), key=lambda item: -item[1])[:SHOWN]
    best_cues = ", ".join(f"{cue} {recall:.2f}" for cue, recall in ranked)
    beside, details = _compare_with_run(baseline, score.value, chance, best)
    return Check(
        name=check,
        level=level,
        value=score.value,
        interval=score,
        chance=chance,
        message=f"{baseline.name} alone predicts the genre with a mean recall of {score} on "
        f"{counted(n_songs, words.row)}, chance {chance:.2f}; "
        f"best cues: {best_cues}. {beside}{ending}",
        details={"by_cue": by_cue, **details},
    )


def _run_recall(baseline: Baseline) -> float | None:
    """Mean recall of the best run on the songs that it predicts, if any."""
    is_predicted = baseline.predictions != ""
    if not is_predicted.any():
        return None
    hits = baseline.predictions == baseline.genres
    return mean_recall(hits[is_predicted], baseline.genres[is_predicted])


def _compare_with_run(
    baseline: Baseline, value: float, chance: float, best: float | None
) -> tuple[str, dict[str, float | None]]:
    """Share of the run's score above chance that the baseline explains: sentences and values."""
    reference = 1.0 if best is None else best
    explained = 0.0
    if value > chance:
        explained = min(1.0, (value - chance) / (reference - chance)) if reference > chance else 1.0
    if best is None:
        sentence = f"That is {explained:.0%} of a perfect score above chance; no run has finished."
        return sentence, {"explained": explained}
    is_predicted = baseline.predictions != ""
    n_predicted, words = int(is_predicted.sum()), baseline.words
    on_songs = (
        "" if n_predicted == len(baseline.genres) else f" on its {counted(n_predicted, words.row)}"
    )
    missed = is_predicted & ~baseline.together
    beyond, rest = None, ""
    if missed.any():
        beyond = float((baseline.predictions == baseline.genres)[missed].mean())
        rest = f" Where {baseline.name} alone errs, {words.model} is {beyond:.0%} right."
    sentence = (
        f"That is {explained:.0%} of the score of {words.model} above chance "
        f"({best:.2f}{on_songs})."
    )
    return sentence + rest, {
        "explained": explained,
        "champion_recall": best,
        "champion_where_baseline_errs": beyond,
    }

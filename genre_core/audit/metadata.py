"""Metadata: the genre predicted from tags and file properties, artists kept apart."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from genre_core.audit.baselines import Baseline, BoolArray, forest_predictions, report_baseline
from genre_core.audit.rules import AuditConfig, Check, CheckName, untested
from genre_core.audit.shortcuts import cue_columns
from genre_core.audit.songs import AuditedSong, fold_groups
from genre_core.signal.fragments import Float64Array

TEXTS = ("artist", "album", "publisher")
FILE = ("bit_rate", "sample_rate", "codec", "channels")
CUES: Mapping[str, tuple[str, ...]] = {
    **{text: (text,) for text in TEXTS},
    "year": ("year",),
    "file": FILE,
}
MOST_WORDS = 200
"""Most frequent words of each text that are used."""
MOST_SONGS = 1000
N_TREES = 40
WORD = r"(?u)\b\w\w+\b"
ADVICE = (
    "Genre and origin go together in this library: add songs of each genre by other artists, "
    "labels and albums."
)

Folds = list[tuple[list[int], list[int]]]


def check_metadata(
    songs: Sequence[AuditedSong], predictions: Mapping[str, str], config: AuditConfig
) -> Check:
    """Predict the genre from metadata alone, and compare with the predictions of the best run.

    Parameters
    ----------
    songs : sequence of AuditedSong
        At most 1000 of them are used.
    predictions : mapping
        ``track_id`` to the genre that the best run predicts for a validation or test song; empty
        where there is none.

    Returns
    -------
    Check
        Its value is the mean recall over genres of a forest that sees the words of artist, album
        and publisher, the year, bit rate, sample rate, codec and channels. Each song is predicted
        from songs of other artists. Its answers are those of `report_baseline`.

    Notes
    -----
    With artists kept apart, an artist's name does not predict its own songs. Words count where
    artists share them: styles (``orchestra``, ``dj``), and common albums or labels, which show that
    a genre comes from one collection, whose sound a model may learn in place of the genre.
    """
    songs = _subsample(songs, config.seed)
    artists = fold_groups(songs)
    folds = list(_folds(songs, artists, config))
    scored = sorted(at for _, held_out in folds for at in held_out)
    if len({songs[at].genre for at in scored}) < 2:
        return untested(
            CheckName.METADATA, "songs of two genres are needed, each by two artists at least."
        )
    baseline = Baseline(
        name="the metadata",
        genres=tuple(songs[at].genre for at in scored),
        groups=tuple(artists[at] for at in scored),
        by_cue={
            name: _hits(songs, folds, cues)[scored]
            for name, cues in CUES.items()
            if any(getattr(song, cue) for song in songs for cue in cues)
        },
        together=_hits(songs, folds, (*TEXTS, "year", *FILE))[scored],
        predictions=tuple(predictions.get(songs[at].track_id, "") for at in scored),
    )
    return report_baseline(CheckName.METADATA, baseline, ADVICE, config)


def _subsample(songs: Sequence[AuditedSong], seed: int) -> list[AuditedSong]:
    drawn = np.random.default_rng([seed, 17]).permutation(len(songs))[:MOST_SONGS]
    return [songs[at] for at in sorted(drawn)]


def _folds(
    songs: Sequence[AuditedSong], artists: Sequence[str], config: AuditConfig
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the songs to fit on, and those to predict: of other artists, in genres fitted on."""
    from sklearn.model_selection import StratifiedGroupKFold

    genres = [song.genre for song in songs]
    most_songs = max(Counter(genres).values(), default=0)
    n_folds = min(config.n_folds, len(set(artists)), most_songs)
    if n_folds < 2:
        return
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=config.seed)
    for fitted, held_out in splitter.split(songs, genres, artists):
        known = {genres[at] for at in fitted}
        yield fitted.tolist(), [at for at in held_out.tolist() if genres[at] in known]


def _hits(songs: Sequence[AuditedSong], folds: Folds, cues: Sequence[str]) -> BoolArray:
    """Return which songs a forest on these cues predicts correctly, (n_songs,)."""
    hits = np.zeros(len(songs), bool)
    numbers = _numbers(songs, [cue for cue in cues if cue not in TEXTS])
    for fitted, held_out in folds:
        words = [_words(songs, fitted, cue) for cue in cues if cue in TEXTS]
        columns = np.hstack([numbers, *words])
        genres = [songs[at].genre for at in fitted]
        predicted = forest_predictions(columns[fitted], genres, columns[held_out], N_TREES)
        hits[held_out] = predicted == np.array([songs[at].genre for at in held_out])
    return hits


def _numbers(songs: Sequence[AuditedSong], cues: Sequence[str]) -> Float64Array:
    """Return the numbers of songs, (n_songs, n_cues): NaN where a year is unknown."""
    columns = cue_columns(songs, cues)
    for at in (at for at, cue in enumerate(cues) if cue == "year"):
        columns[columns[:, at] == 0, at] = np.nan
    return columns


def _words(songs: Sequence[AuditedSong], fitted: Sequence[int], text: str) -> Float64Array:
    """Return whether each song has each word that fitted songs have, (n_songs, n_words)."""
    from sklearn.feature_extraction.text import CountVectorizer

    texts = [getattr(song, text) for song in songs]
    vectorizer = CountVectorizer(binary=True, max_features=MOST_WORDS, token_pattern=WORD)
    if not any(map(vectorizer.build_analyzer(), (texts[at] for at in fitted))):
        return np.zeros((len(songs), 0))
    vectorizer.fit([texts[at] for at in fitted])
    return np.asarray(vectorizer.transform(texts).toarray(), np.float64)

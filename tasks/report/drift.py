"""Drift of a night: new songs beside validation songs, as the champion sees them in the shards."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from genre_core.drift import FEWEST_SONGS, Drift, adjust, compare_genres, compare_values
from genre_core.errors import GenreflowError
from genre_core.evaluation.bootstrap import Float64Array, interval_rng
from genre_core.examples import Float32Array
from genre_core.representations.embeddings import song_examples
from storage.catalog.nightly import DriftSong, read_drift_songs
from storage.examples import read_examples
from storage.home import DataLayout
from tasks.predict import Classifier, find_champion, load_classifier

StrArray = npt.NDArray[np.str_]

MOST_SONGS = 500
MOST_LEVELS = 12
"""Bands beyond these are averaged together, so that few questions are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardSong:
    """What drift looks at in one song; ``levels`` are means by band, ``confidence`` tempered."""

    song: DriftSong
    levels: Float64Array
    genre: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NightDrift:
    """The answers of a night, the songs that they rest on, and what is to be known beside."""

    drifts: tuple[Drift, ...] = ()
    songs: tuple[HeardSong, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()


def measure_drift(layout: DataLayout, since: datetime) -> NightDrift:
    """Compare the songs that came since a moment with validation songs of before.

    Notes
    -----
    The other side is validation, not training: a network is surer of the songs that it was
    trained on than of any other, and new songs would seem to drift every night.
    """
    try:
        champion = find_champion(layout)
        if champion is None:
            return NightDrift(
                notes=("There is no champion yet, so that nothing predicts new songs.",)
            )
        songs, shards = read_drift_songs(layout, champion.run_id, since, MOST_SONGS)
        n_new = sum(song.is_new for song in songs)
        if min(n_new, len(songs) - n_new) < FEWEST_SONGS:
            return NightDrift(notes=(_too_few(n_new, len(songs) - n_new),))
        heard = hear_shards(layout, load_classifier(layout), songs, shards)
    except GenreflowError as error:
        return NightDrift(notes=(f"Drift could not be measured: {error}",))
    return NightDrift(drifts=ask_all(heard), songs=tuple(heard), notes=_notes(songs))


def hear_shards(
    layout: DataLayout, classifier: Classifier, songs: Sequence[DriftSong], shards: Sequence[str]
) -> list[HeardSong]:
    """Predict songs from their examples in the shards; nothing is decoded again.

    An embedding has no bands, and so no levels.
    """
    of_any = dict.fromkeys((song.track_id for song in songs), classifier.genres[0])
    examples = read_examples(layout, shards, of_any, classifier.genres)
    if classifier.features.embedding:
        examples = song_examples(examples)
    probabilities = classifier.predict_genres(examples.matrices)
    ids = examples.track_ids.astype(str)
    heard = []
    for song in songs:
        rows = _rows(ids, song.track_id)
        tempered = classifier.calibrate_song(probabilities[rows])
        heard.append(
            HeardSong(
                song=song,
                levels=_levels(classifier, examples.matrices[rows]),
                genre=classifier.genres[int(tempered.argmax())],
                confidence=float(tempered.max()),
            )
        )
    return heard


def ask_all(heard: Sequence[HeardSong]) -> tuple[Drift, ...]:
    """Ask for every level, for loudness and cutoff where measured, for genres and confidence."""
    unseen = [one for one in heard if not one.song.is_trained_on]
    asked = [_ask_level(heard, band) for band in range(len(heard[0].levels))]
    asked += [
        _ask("loudness (dB)", heard, lambda one: one.song.loudness_db),
        _ask("cutoff (Hz)", heard, lambda one: one.song.cutoff_hz),
        _ask("confidence", unseen, lambda one: one.confidence),
    ]
    new, known = (
        [one.genre for one in unseen if one.song.is_new is side] for side in (True, False)
    )
    genres = compare_genres("predicted genres", new, known, interval_rng("drift"))
    return adjust([genres, asked.pop(), *asked])


def values_of(
    heard: Sequence[HeardSong], is_new: bool, value: Callable[[HeardSong], float]
) -> Float64Array:
    """Give a number of each song of one side, float64 [shape=(n_songs,)]."""
    return np.array([value(one) for one in heard if one.song.is_new is is_new], np.float64)


def _ask_level(heard: Sequence[HeardSong], band: int) -> Drift:
    return _ask(f"level of band {band + 1}", heard, lambda one: one.levels[band])


def _ask(name: str, heard: Sequence[HeardSong], value: Callable[[HeardSong], float]) -> Drift:
    return compare_values(name, values_of(heard, True, value), values_of(heard, False, value))


def _rows(ids: StrArray, track_id: str) -> slice:
    """Find the rows of a song; examples are ordered by track."""
    return slice(int(np.searchsorted(ids, track_id)), int(np.searchsorted(ids, track_id, "right")))


def _levels(classifier: Classifier, matrices: Float32Array) -> Float64Array:
    """Return mean levels of bands, a few bands together; none of an embedding."""
    if classifier.features.embedding:
        return np.zeros(0)
    levels = matrices.mean(axis=(0, 2), dtype=np.float64)
    parts = np.array_split(levels, min(len(levels), MOST_LEVELS))
    return np.array([part.mean() for part in parts])


def _too_few(n_new: int, n_known: int) -> str:
    return (
        f"Too few to tell: {n_new} new songs and {n_known} validation songs of before have "
        f"spectrograms as the champion reads them; {FEWEST_SONGS} on each side are needed."
    )


def _notes(songs: Sequence[DriftSong]) -> tuple[str, ...]:
    n_trained_on = sum(song.is_new and song.is_trained_on for song in songs)
    notes = [
        "New songs stand beside validation songs of the champion's snapshot, not beside its "
        "training songs, of which it is surer than of any others.",
        "Songs count one by one: an album that came in whole can raise an alarm by itself.",
    ]
    if n_trained_on:
        notes.append(
            f"{n_trained_on} new songs are training songs of the champion already; genres and "
            "confidence leave them out."
        )
    return tuple(notes)

"""Shortcuts: the genre predicted from properties of the file, without its music."""

from collections.abc import Mapping, Sequence

import numpy as np

from genre_core.audit.baselines import Baseline, BoolArray, forest_predictions, report_baseline
from genre_core.audit.rules import AuditConfig, Check, CheckName, untested
from genre_core.audit.songs import AuditedSong
from genre_core.records import Split
from genre_core.signal.fragments import Float64Array

CUES = (
    "loudness_db",
    "duration_s",
    "bit_rate",
    "sample_rate",
    "codec",
    "cutoff_hz",
    "n_bytes",
)
FEWEST_TRAIN = 4
N_TREES = 100
ADVICE = "Add songs of each genre from other encoders, or encode all alike."


def check_shortcuts(
    songs: Sequence[AuditedSong], predictions: Mapping[str, str], config: AuditConfig
) -> Check:
    """Predict the genre from the file alone, and compare with the predictions of the best run.

    Parameters
    ----------
    songs : sequence of AuditedSong
    predictions : mapping
        ``track_id`` to the genre that the best run predicts for a validation or test song; empty
        where there is none.

    Returns
    -------
    Check
        Its value is the mean recall over genres, on validation and test songs, of a forest that
        is trained on loudness, duration, bit rate, sample rate, codec, spectral cut-off and file
        size of the training songs. Its answers are those of `report_baseline`.

    Notes
    -----
    Sturm, "A simple method to determine if a music information retrieval system is a 'horse'",
    IEEE Trans. Multimedia 16(6), 2014; Geirhos et al., "Shortcut learning in deep neural
    networks", Nature Machine Intelligence 2, 2020.
    """
    train = [song for song in songs if song.split == Split.TRAIN]
    scored = [s for s in songs if s.split != Split.TRAIN and s.genre in {t.genre for t in train}]
    if len({song.genre for song in scored}) < 2 or len(train) < FEWEST_TRAIN:
        return untested(
            CheckName.SHORTCUTS, "songs of two genres are needed in and outside training."
        )
    baseline = Baseline(
        name="the file",
        genres=tuple(song.genre for song in scored),
        groups=tuple(song.group_id for song in scored),
        by_cue={cue: _hits(train, scored, (cue,)) for cue in CUES},
        together=_hits(train, scored, CUES),
        predictions=tuple(predictions.get(song.track_id, "") for song in scored),
    )
    return report_baseline(CheckName.SHORTCUTS, baseline, ADVICE, config)


def cue_columns(songs: Sequence[AuditedSong], cues: Sequence[str]) -> Float64Array:
    """Return the cues of songs as numbers, a codec by its place in the alphabet of codecs.

    Returns
    -------
    float64 [shape=(n_songs, len(cues))]
        NaN where a sound was not measured.
    """
    codecs = {codec: at for at, codec in enumerate(sorted({song.codec for song in songs}))}
    rows = [
        [codecs[song.codec] if cue == "codec" else getattr(song, cue) for cue in cues]
        for song in songs
    ]
    return np.array(rows, np.float64)


def _hits(
    train: Sequence[AuditedSong], scored: Sequence[AuditedSong], cues: Sequence[str]
) -> BoolArray:
    columns = cue_columns([*train, *scored], cues)
    genres = [song.genre for song in train]
    predicted = forest_predictions(columns[: len(train)], genres, columns[len(train) :], N_TREES)
    return predicted == np.array([song.genre for song in scored])

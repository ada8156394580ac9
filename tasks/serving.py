"""Predictions for the requests of a server: a row a song; a bad song fails no other."""

import base64
import binascii
import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genre_core.errors import GenreflowError, UsageError
from storage.fetch.limits import DownloadLimits
from storage.models.champion import ExportUnusable
from storage.models.requests import MAX_ROWS, Row
from tasks.champion import build_classifier, read_classifier
from tasks.keras_import import import_training
from tasks.predict import Classifier, SongPrediction, classify_song

MAX_SONG_BYTES = 256 << 20
"""Of a song that a client names by its address."""
MAX_NAME = 1 << 13
"""Characters of a path or address."""
FETCH_S = 30.0
"""Longest time to fetch such a song."""
GIVE_ONE = "Give either `song`, a path or an address, or `audio_base64`."
UNREADABLE = "The server finds no song that it can predict under this path; see its log."
FAILED = "The server failed to predict this song; see its log."
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AskedSong:
    """A row of a request: the path or address of a song, the file of its audio, or an error.

    One that names neither is not ``is_given``.
    """

    song: str
    audio: Path | None = None
    error: str = ""
    is_given: bool = True


def load_served(folder: Path) -> Classifier:
    """Load the classifier in the folder of a logged model: its export, if it was ever promoted.

    Its version is 0 if not; loading it takes TensorFlow, and so some seconds.
    """
    from storage.models.logged import (
        EXPORT,
        NETWORK_PLACE,
        find_embedder,
        read_description,
    )
    from storage.models.network_file import load_network

    try:
        return read_classifier(folder / EXPORT)
    except ExportUnusable:
        import_training()
    described = read_description(folder)
    return build_classifier(
        load_network(folder / NETWORK_PLACE), described, find_embedder(described.document)
    )


def limit_strangers(limits: DownloadLimits) -> DownloadLimits:
    """Return the limits for the clients of a server, who are not its owner.

    Even an address that they name must be public, unless ``limits.allow_private`` is set.
    """
    return replace(
        limits,
        trust_named=False,
        deadline_s=min(limits.deadline_s, FETCH_S),
        timeout_s=min(limits.timeout_s, FETCH_S / 3),
    )


def predict_rows(
    classifier: Classifier, rows: Sequence[Row], limits: DownloadLimits
) -> list[dict[str, object]]:
    """Predict each row: ``song``, a path or an address, or ``audio_base64``."""
    if len(rows) > MAX_ROWS:
        raise UsageError(f"The request has more than {MAX_ROWS} rows. Send several requests.")
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        songs = (unpack_row(row, Path(folder), limits) for row in rows)
        return [predict_song(classifier, asked, limits) for asked in songs]


def unpack_row(row: Row, folder: Path, limits: DownloadLimits) -> AskedSong:
    """Return what a row asks for; its audio is put into a folder."""
    song, audio = _text(row, "song"), _text(row, "audio_base64")
    if bool(song) == bool(audio):
        return AskedSong(song, error=GIVE_ONE, is_given=bool(song))
    if len(song) > MAX_NAME:
        message = f"The path or address is longer than {MAX_NAME} characters."
        return AskedSong(song[:MAX_NAME], error=message)
    if song:
        return AskedSong(song)
    if len(audio) > limits.max_bytes * 4 / 3 + 4:
        message = f"The audio is larger than {limits.max_bytes} bytes (limits.max_bytes)."
        return AskedSong(song, error=message)
    try:
        content = base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as error:
        return AskedSong(song, error=f"The audio is no base64: {error}.")
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(content)
    return AskedSong(song, Path(file.name))


def predict_song(
    classifier: Classifier, asked: AskedSong, limits: DownloadLimits
) -> dict[str, object]:
    """Predict one song; whatever is wrong with it is its ``error``."""
    song = asked.song
    try:
        if asked.error:
            raise UsageError(asked.error)
        found = (
            _predict_audio(classifier, asked.audio, limits)
            if asked.audio
            else _predict_named(classifier, song, limits)
        )
    except GenreflowError as error:
        found = SongPrediction(song=song, error=str(error))
    except Exception:  # the edge of the server: other rows and clients go on
        logger.exception("a song cannot be predicted")
        found = SongPrediction(song=song, error=FAILED)
    return describe_row(classifier, song, found)


def describe_row(classifier: Classifier, song: str, found: SongPrediction) -> dict[str, object]:
    """Return the answer to a row."""
    return {
        "song": song,
        "genre": found.genre,
        "probabilities": found.probabilities,
        "error": found.error,
        "champion": classifier.version,
        "confidence": found.confidence,
        "unknown": found.unknown,
        "alternatives": None if found.alternatives is None else list(found.alternatives),
    }


def _text(row: Row, name: str) -> str:
    """Return the text in a column; one that was left out comes as None or NaN."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _predict_named(classifier: Classifier, song: str, limits: DownloadLimits) -> SongPrediction:
    """Predict a path or an address; the answer does not reveal which paths there are."""
    is_path = "://" not in song
    # opening a pipe would wait for ever; os.path takes what is no path, too
    if is_path and not os.path.isfile(song):  # noqa: PTH113
        return SongPrediction(song=song, error=UNREADABLE)
    if not is_path:
        limits = replace(limits, max_bytes=min(limits.max_bytes, MAX_SONG_BYTES))
    found = classify_song(classifier, song, limits)
    if found.error and is_path:
        logger.warning("%s", found.error)
        return replace(found, error=UNREADABLE)
    return found


def _predict_audio(classifier: Classifier, audio: Path, limits: DownloadLimits) -> SongPrediction:
    found = classify_song(classifier, str(audio), limits)
    return replace(found, song="", error=found.error.replace(str(audio), "the audio"))

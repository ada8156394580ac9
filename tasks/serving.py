"""Predictions for the requests of a server: a row a song; a bad song fails no other."""

import base64
import binascii
import logging
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from genre_core.errors import GenreflowError, UsageError
from storage.fetch.download import DownloadLimits
from storage.models.champion import ExportUnusable
from storage.models.requests import MAX_ROWS, Row
from tasks.keras_import import import_training
from tasks.predict import (
    Classifier,
    SongPrediction,
    build_classifier,
    classify_song,
    read_classifier,
)

MAX_SONG_BYTES = 256 << 20
"""Of a song that a client names by its address."""
FETCH_S = 30.0
"""Longest time to fetch such a song."""
UNREADABLE = "The server finds no song that it can predict under this path; see its log."
FAILED = "The server failed to predict this song; see its log."
logger = logging.getLogger(__name__)


def load_served(folder: Path) -> Classifier:
    """Load the classifier in the folder of a logged model: its export, if it was ever promoted.

    Its version is 0 if not; loading it takes TensorFlow, and so some seconds.
    """
    from storage.models.logged import (
        EXPORT,
        NETWORK_PLACE,
        find_embedder,
        load_network,
        read_description,
    )

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
    return [predict_row(classifier, row, limits) for row in rows]


def predict_row(classifier: Classifier, row: Row, limits: DownloadLimits) -> dict[str, object]:
    """Predict one row; whatever is wrong with it is its ``error``."""
    song, audio = song_of(row), _text(row, "audio_base64")
    try:
        if bool(song) == bool(audio):
            raise UsageError("Give either `song`, a path or an address, or `audio_base64`.")
        found = (
            _predict_audio(classifier, audio, limits)
            if audio
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


def song_of(row: Row) -> str:
    """Return the path or address of a row; empty if it has none."""
    return _text(row, "song")


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


def _predict_audio(classifier: Classifier, audio: str, limits: DownloadLimits) -> SongPrediction:
    if len(audio) > limits.max_bytes * 4 / 3 + 4:
        raise UsageError(f"The audio is larger than {limits.max_bytes} bytes (limits.max_bytes).")
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path = Path(folder, "audio")
        try:
            path.write_bytes(base64.b64decode(audio, validate=True))
        except (binascii.Error, ValueError) as error:
            raise UsageError(f"The audio is no base64: {error}.") from error
        found = classify_song(classifier, str(path), limits)
    return replace(found, song="", error=found.error.replace(str(path), "the audio"))

"""Predictions for the requests of a server: a row a song; a bad song fails no other."""

import base64
import binascii
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from genre_core.errors import GenreflowError, UsageError
from storage.fetch.download import DownloadLimits
from storage.models.champion import ExportUnusable
from tasks.keras_import import import_training
from tasks.predict import (
    Classifier,
    SongPrediction,
    build_classifier,
    classify_song,
    read_classifier,
)

UNREADABLE = "The server finds no song that it can predict under this path; see its log."
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


def predict_rows(
    classifier: Classifier, rows: Sequence[Mapping[str, object]], limits: DownloadLimits
) -> list[dict[str, object]]:
    """Predict each row: ``song``, a path or an address, or ``audio_base64``."""
    return [_predict_row(classifier, row, limits) for row in rows]


def _predict_row(
    classifier: Classifier, row: Mapping[str, object], limits: DownloadLimits
) -> dict[str, object]:
    # a column that was left out comes as None or NaN
    given = {name: value for name, value in row.items() if isinstance(value, str)}
    song, audio = given.get("song", ""), given.get("audio_base64", "")
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


def _predict_named(classifier: Classifier, song: str, limits: DownloadLimits) -> SongPrediction:
    """Predict a path or an address; the answer does not reveal which paths there are."""
    found = classify_song(classifier, song, limits)
    if found.error and "://" not in song:
        logger.warning("%s", found.error)
        return replace(found, error=UNREADABLE)
    return found


def _predict_audio(classifier: Classifier, audio: str, limits: DownloadLimits) -> SongPrediction:
    if len(audio) > limits.max_bytes * 4 / 3 + 4:
        raise UsageError(f"The audio is larger than {limits.max_bytes} bytes (limits.max_bytes).")
    try:
        content = base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"The audio is no base64: {error}.") from error
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path = Path(folder, "audio")
        path.write_bytes(content)
        found = classify_song(classifier, str(path), limits)
    return replace(found, song="", error=found.error.replace(str(path), "the audio"))

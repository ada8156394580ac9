"""Verdicts for whoever asks a server: a row a song, and a bad song fails no other."""

import base64
import binascii
import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from genre_core.errors import GenreflowError, UsageError
from storage.embeddings.embedder import Model
from storage.fetch.download import DownloadLimits
from storage.home import DataLayout
from storage.models.alias import read_alias
from storage.models.exports import CERTAINTY_FILE, EMBEDDER, read_certainty, read_embedder
from storage.models.litert import LightNetwork
from tasks.keras_import import import_training
from tasks.predict import Judge, Verdict, judge_song, to_judge

UNREADABLE = "The server finds no song that it can judge under this path; its log says why."
logger = logging.getLogger(__name__)
FEATURES_FILE, TEMPERATURE_FILE, LIGHT_FILE = "features.json", "temperature.json", "network.tflite"


def load_served(layout: DataLayout, folder: Path) -> Judge:
    """Load a judge from the folder of a logged model: its light form if there is one.

    Its version is that of the champion of the home, or 0 if it does not reign there.
    A model that never reigned has none; loading it whole takes TensorFlow, and so some seconds.
    """
    document = json.loads((folder / FEATURES_FILE).read_text("utf-8"))
    temperature = folder / TEMPERATURE_FILE
    logged = json.loads(temperature.read_text("utf-8")) if temperature.exists() else {}
    return to_judge(
        _find_version(layout, folder),
        _load_network(folder),
        {"temperature": 1.0, **document, **logged},
        _load_embedder(folder, document),
        read_certainty(folder / CERTAINTY_FILE),
    )


def judge_rows(
    judge: Judge, rows: Sequence[Mapping[str, object]], limits: DownloadLimits
) -> list[dict[str, object]]:
    """Judge what each row asks for: ``song``, a path or an address, or ``audio_base64``."""
    return [_judge_row(judge, row, limits) for row in rows]


def _find_version(layout: DataLayout, folder: Path) -> int:
    from storage.models.networks import logged_uri

    reigning = read_alias(layout)
    return reigning.version if reigning and reigning.model_uri == logged_uri(folder) else 0


def _judge_row(
    judge: Judge, row: Mapping[str, object], limits: DownloadLimits
) -> dict[str, object]:
    song, audio = _text(row, "song"), _text(row, "audio_base64")
    try:
        if bool(song) == bool(audio):
            raise UsageError("Give either `song`, a path or an address, or `audio_base64`.")
        verdict = _judge_audio(judge, audio, limits) if audio else _judge_named(judge, song, limits)
    except GenreflowError as error:
        verdict = Verdict(song=song, error=str(error))
    return {
        "song": song,
        "genre": verdict.genre,
        "probabilities": verdict.probabilities,
        "error": verdict.error,
        "champion": judge.version,
        "confidence": verdict.confidence,
        "unknown": verdict.unknown,
        "alternatives": None if verdict.alternatives is None else list(verdict.alternatives),
    }


def _judge_named(judge: Judge, song: str, limits: DownloadLimits) -> Verdict:
    """Judge a path or an address; who asks does not learn which paths there are."""
    verdict = judge_song(judge, song, limits)
    if verdict.error and "://" not in song:
        logger.warning("%s", verdict.error)
        return replace(verdict, error=UNREADABLE)
    return verdict


def _judge_audio(judge: Judge, audio: str, limits: DownloadLimits) -> Verdict:
    """Judge audio that came with the question."""
    if len(audio) > limits.max_bytes * 4 / 3 + 4:
        raise UsageError(f"The audio is larger than {limits.max_bytes} bytes (limits.max_bytes).")
    try:
        content = base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"The audio is no base64: {error}.") from error
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path = Path(folder, "audio")
        path.write_bytes(content)
        verdict = judge_song(judge, str(path), limits)
    return replace(verdict, song="", error=verdict.error.replace(str(path), "the audio"))


def _text(row: Mapping[str, object], name: str) -> str:
    """Give a column of a row; what was left out comes as nothing or as no number."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _load_embedder(folder: Path, document: Mapping[str, object]) -> Model | None:
    """Return the model of the embedding: the copy beside the model, or where training found it."""
    copy = folder / f"{EMBEDDER}.json"
    if copy.exists():
        return read_embedder(json.loads(copy.read_text("utf-8")), folder)
    if EMBEDDER not in document:
        return None
    from storage.models.exporting import find_embedder

    return find_embedder(document)


def _load_network(folder: Path) -> object:
    light = folder / LIGHT_FILE
    if light.exists():
        return LightNetwork(light.read_bytes())
    import_training()
    from storage.models.networks import load_folder

    return load_folder(folder)

"""Trained models in MLflow: logged with all that predicting needs, loaded, and exported."""

import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import mlflow
import numpy as np
from mlflow.artifacts import download_artifacts, list_artifacts
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import Array, Map

from genre_core.errors import CatalogMismatch, GenreflowError, TransientError
from genre_core.evaluation.certainty import Certainty
from genre_core.model_card import FACTS, card_text, model_card
from storage.catalog.connection import open_catalog
from storage.catalog.model_card import certainty_facts, read_card_facts
from storage.catalog.runs import read_model_digest, record_model
from storage.embeddings.config import BUILT_IN
from storage.embeddings.embedder import Model
from storage.embeddings.weights import find_weights
from storage.files import digest_file, write_bytes
from storage.models.champion import (
    CARD_FILE,
    CERTAINTY_FILE,
    EMBEDDER,
    KERAS,
    LITERT,
    Champion,
    Described,
    Exported,
    card_file,
    certainty_bytes,
    parse_certainty,
    write_export,
)
from storage.models.litert import LiteRTModel
from storage.models.network_file import Network, SavedNetwork, load_network
from storage.models.registry import describe_version
from storage.models.runs import log_params
from storage.models.server import describe_absence
from storage.models.store import IN_TURN, Tracking, reporting

ARTIFACTS = "artifacts"
"""The folder in which MLflow keeps the files that a model was logged with."""
NETWORK_FILE, DESCRIPTION_FILE, TEMPERATURE_FILE = (
    "network.keras",
    "description.json",
    "temperature.json",
)
NETWORK_PLACE = Path(ARTIFACTS, NETWORK_FILE)
FITTED, EXPORT = "fitted", "export"
"""Folders beside it: what evaluation has fitted, and the exported champion."""
REQUIRED = ("ai-edge-litert", "keras", "tensorflow")
TOLERANCE = 1e-5
"""Largest difference of a probability between a network and its export."""
N_TRIED = 8
# it warns at each model where pip is not installed, as in environments of uv and pipx
logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)

logger = logging.getLogger(__name__)


def log_model(
    tracking: Tracking,
    run_id: str,
    network: Network | SavedNetwork,
    document: Mapping[str, object],
) -> str:
    """Log a trained network with the document of `Described`; return its ``models:/m-…``."""
    log_params(tracking, run_id, {"n_parameters": network.count_params()})
    params = tracking.client.get_run(run_id).data.params
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        files = {n: Path(folder, n) for n in (DESCRIPTION_FILE, CARD_FILE, NETWORK_FILE)}
        files[DESCRIPTION_FILE].write_text(json.dumps(document, indent=2), "utf-8")
        files[CARD_FILE].write_text(model_card(document), "utf-8")
        network.save(files[NETWORK_FILE])
        digest = digest_file(files[NETWORK_FILE])
        with (
            reporting(tracking.uri),
            IN_TURN,
            warnings.catch_warnings(),
            mlflow.start_run(run_id=run_id),
        ):
            # MLflow advises on examples, and warns of its own chat models
            for message in (".*inferred as AnyType", ".*An input example was not provided"):
                warnings.filterwarnings("ignore", message, UserWarning)
            logged = mlflow.pyfunc.log_model(
                name=params["network"],
                python_model=str(Path(__file__).with_name("pyfunc_model.py")),
                artifacts={path.stem: str(path) for path in files.values()},
                signature=_song_signature(),
                metadata={"network_signature": _network_signature(network).to_dict()},
                # given, because finding them out loads TensorFlow in another process: 14 s
                pip_requirements=[f"{name}=={version(name)}" for name in REQUIRED],
                params=params,
                model_type="classifier",
            )
    with open_catalog(tracking.layout) as catalog:
        record_model(catalog, str(logged.model_uri), digest)
    tracking.client.update_run(run_id, "RUNNING")  # it is not evaluated yet
    return str(logged.model_uri)


def log_fitted(
    tracking: Tracking, model_uri: str, temperature: float, certainty: Certainty
) -> None:
    """Keep temperature and certainty, which evaluation has fitted, with a model."""
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        fitted = Path(folder, FITTED)
        fitted.mkdir()
        document = json.dumps({"temperature": temperature}, indent=2)
        (fitted / TEMPERATURE_FILE).write_text(document, "utf-8")
        (fitted / CERTAINTY_FILE).write_bytes(certainty_bytes(certainty))
        tracking.client.log_model_artifacts(model_uri.removeprefix("models:/"), folder)


def load_model(tracking: Tracking, model_uri: str) -> Network:
    """Load a network from the address of its model.

    One that is gone, or not the file that was logged, is a `CatalogMismatch`.
    """
    with open_network(tracking, model_uri) as file:
        return load_network(file)


@contextmanager
def open_network(tracking: Tracking, model_uri: str) -> Iterator[Path]:
    """Yield the Keras file of a model.

    One that is gone, or not the file that was logged, is a `CatalogMismatch`.
    """
    with _local_files(tracking, model_uri) as folder:
        _require_logged(tracking, model_uri, folder / NETWORK_PLACE)
        yield folder / NETWORK_PLACE


def _require_logged(tracking: Tracking, model_uri: str, file: Path) -> None:
    """Compare a network with the digest in the catalog: a Keras file can hold code."""
    with open_catalog(tracking.layout) as catalog:
        expected = read_model_digest(catalog, model_uri)
    if digest_file(file) != expected:
        raise CatalogMismatch(
            f"{file} is not the network that this home has trained as {model_uri}: it is damaged, "
            "or was replaced, and is not loaded. Restore a backup, or train again."
        )


def describe_model(tracking: Tracking, model_uri: str) -> Described:
    """Return what a model was logged with; one that is gone is a `CatalogMismatch`."""
    with _local_files(tracking, model_uri) as folder:
        return read_description(folder)


def read_description(folder: Path) -> Described:
    """Return what predicting needs from the folder of a logged model."""
    document = json.loads((folder / ARTIFACTS / DESCRIPTION_FILE).read_text("utf-8"))
    fitted = folder / FITTED
    if not fitted.exists():
        return Described(document=document)
    temperature = json.loads((fitted / TEMPERATURE_FILE).read_text("utf-8"))["temperature"]
    certainty = parse_certainty((fitted / CERTAINTY_FILE).read_bytes())
    return Described(document=document, temperature=temperature, certainty=certainty)


def delete_model(tracking: Tracking, model_id: str) -> None:
    """Delete a logged model, and its files if they are in the home."""
    folder = model_folder(tracking, model_id)
    tracking.client.delete_logged_model(model_id)
    if folder:
        shutil.rmtree(folder.parent if folder.parent.name == model_id else folder)


def model_folder(tracking: Tracking, model_id: str) -> Path | None:
    """Return the folder of a model; none if it was deleted, or lies outside the home."""
    try:
        location = tracking.client.get_logged_model(model_id).artifact_location
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    folder = Path(unquote(urlsplit(location).path)).resolve()
    is_ours = folder.is_relative_to(tracking.layout.mlflow_artifacts.resolve())
    return folder if location.startswith("file:") and is_ours and folder.exists() else None


def find_embedder(document: Mapping[str, Any]) -> Model | None:
    """Return the model of the embedding that a head reads; none of spectrograms.

    If it is gone, or another one, that is a `CatalogMismatch`.
    """
    described = document.get(EMBEDDER)
    if not described:
        return None
    name = described["embedding"]["name"]
    if name in BUILT_IN:
        model = find_weights(name)
        is_same = model.embedding.digest == described["embedding"]["digest"]
    else:
        model = Model.from_document(described, Path(described["file"]))
        is_same = model.file.is_file() and digest_file(model.file) == described["sha256"]
    if not is_same:
        raise CatalogMismatch(
            f"{model.file} is not the model of the embedding {name!r} that the network was trained "
            "on. Put the old file back, or train again."
        )
    return model


def export_model(tracking: Tracking, champion: Champion) -> None:
    """Export the champion to the home and beside its logged model; imports Keras.

    Its card is in the export, in the text of its registered version, and among the reports. A
    network that LiteRT cannot run is exported as Keras file: `classify` then starts slowly.
    """
    network = load_model(tracking, champion.model_uri)
    described = describe_model(tracking, champion.model_uri)
    content, suffix = _network_bytes(network, champion.version)
    exported = Exported(
        network=content,
        suffix=suffix,
        document={
            "version": champion.version,
            "model_uri": champion.model_uri,
            "genres": described.document["genres"],
            "features": described.document["features"],
            "temperature": described.temperature,
            **_card_facts(tracking, champion, described),
        },
        embedder=find_embedder(described.document),
        certainty=described.certainty,
    )
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        write_export(Path(folder, EXPORT), exported)
        model_id = champion.model_uri.removeprefix("models:/")
        tracking.client.log_model_artifacts(model_id, folder)
    write_export(tracking.layout.champion, exported)
    card = card_file(tracking.layout, champion.version)
    if not card.exists():
        write_bytes(card, model_card(exported.document).encode())
    if facts := exported.document.get(FACTS):
        text = f"{facts['reason']}\n\n{card_text(exported.document)}"
        describe_version(tracking, champion.version, text)


def _card_facts(tracking: Tracking, champion: Champion, described: Described) -> dict[str, Any]:
    """Return the facts of a promoted version for its card, under their key."""
    with open_catalog(tracking.layout) as catalog:
        facts = read_card_facts(catalog, champion.version)
    if facts is None:
        return {}
    return {FACTS: facts | certainty_facts(described.temperature, described.certainty)}


def litert_bytes(network: Network) -> bytes:
    """Return a network in LiteRT's form, its recurrent layers unrolled."""
    from genre_core.networks.head import unroll_network  # imports Keras

    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path = Path(folder, "network.tflite")
        unroll_network(network).export(path, format="litert", verbose=False)
        return path.read_bytes()


def _network_bytes(network: Network, version: int) -> tuple[bytes, str]:
    """Return the file of a network that starts the fastest, and its suffix."""
    try:
        exported = litert_bytes(network)
        _require_agreement(network, exported)
    except Exception as error:  # whatever the converter raises
        logger.warning(
            "version %s cannot be converted to LiteRT, so `genreflow classify` loads TensorFlow, "
            "which takes seconds longer: %s",
            version,
            str(error).partition("\n")[0] or type(error).__name__,
        )
        with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
            path = Path(folder, NETWORK_FILE)
            network.save(path)
            return path.read_bytes(), KERAS
    return exported, LITERT


def _require_agreement(network: Network, exported: bytes) -> None:
    """Compare an export with its network, on noise."""
    shape = (N_TRIED, *network.input_shape[1:])
    matrices = np.random.default_rng(0).random(shape, dtype=np.float32)
    expected = np.asarray(network(matrices, training=False))
    difference = float(np.abs(LiteRTModel(exported).predict_genres(matrices) - expected).max())
    if not difference <= TOLERANCE:
        raise GenreflowError(f"its export differs by {difference:.2g} in a probability")


def _song_signature() -> ModelSignature:
    """A path, an address or base64 in, a prediction out."""
    text, number = DataType.string, DataType.double
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec(text, "song"),
        ColSpec(text, "genre"),
        ColSpec(Map(number), "probabilities"),
        ColSpec(text, "error"),
        ColSpec(DataType.long, "champion"),
        ColSpec(number, "confidence", required=False),
        ColSpec(DataType.boolean, "unknown", required=False),
        ColSpec(Array(text), "alternatives", required=False),
    ]
    inputs = Schema([ColSpec(text, name, required=False) for name in ("song", "audio_base64")])
    return ModelSignature(inputs=inputs, outputs=Schema(outputs))


def _network_signature(network: Network) -> ModelSignature:
    """Any number of matrices in, a probability a genre out."""
    float32 = np.dtype(np.float32)
    shapes = ((-1, *network.input_shape[1:]), (-1, network.output_shape[-1]))
    inputs, outputs = (Schema([TensorSpec(float32, shape)]) for shape in shapes)
    return ModelSignature(inputs=inputs, outputs=outputs)


@contextmanager
def _local_files(tracking: Tracking, model_uri: str) -> Iterator[Path]:
    """Yield the folder of a model where it is in the home, or a copy of its files on a server."""
    try:
        logged = tracking.client.get_logged_model(model_uri.removeprefix("models:/"))
        location, uri = logged.artifact_location, tracking.uri
        with tempfile.TemporaryDirectory(prefix="genreflow-") as folder, reporting(uri):
            there = {Path(f.path).name for f in list_artifacts(location, tracking_uri=uri)}
            if ARTIFACTS not in there:
                raise FileNotFoundError(f"{location} is empty")
            if location.startswith("file:"):
                yield Path(download_artifacts(location, tracking_uri=uri))
                return
            for name in there & {ARTIFACTS, FITTED}:
                _download(tracking, f"{location}/{name}", folder)
            yield Path(folder)
    except (MlflowException, FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise CatalogMismatch(
            f"The model {model_uri} cannot be loaded; `genreflow tidy` removes models that were "
            f"never promoted, if `[keep]` is set so: {error}"
        ) from error


def _download(tracking: Tracking, address: str, folder: str) -> None:
    try:
        download_artifacts(address, dst_path=folder, tracking_uri=tracking.uri)
    except MlflowException as error:  # it is listed, so it is not gone
        cause = "a model does not come in full"
        raise TransientError(describe_absence(tracking.uri, cause)) from error

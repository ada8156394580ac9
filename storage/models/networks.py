"""Networks in the store, each with the feature settings that classifying needs."""

import json
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus, Run
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import Array, Map

from genre_core.errors import CatalogMismatch, TransientError
from genre_core.evaluation.certainty import Certainty
from storage.embeddings.embedder import Model as EmbeddingModel
from storage.models.exports import (
    CARD_FILE,
    CERTAINTY_FILE,
    EMBEDDER,
    certainty_bytes,
    read_certainty,
    write_embedder,
)
from storage.models.runs import log_params
from storage.models.server_runs import tell_absence
from storage.models.store import Tracking, told

FEATURES_FILE = "features.json"
TEMPERATURE_FILE = "temperature.json"
LIGHT_FILE = "network.tflite"
LOADER = "flows.serving"
"""What MLflow imports to serve a model: a name in its file, nothing that is imported here."""
REQUIRED = ("ai-edge-litert", "keras", "tensorflow")
Network = Any  # a keras.Model; this room does not import Keras to name it


def log_network(
    tracking: Tracking,
    run_id: str,
    model: Network,
    matrix_shape: tuple[int, int],
    features: Mapping[str, object],
    card: str = "",
) -> str:
    """Keep a trained network with its signature and feature settings; give its address.

    Parameters
    ----------
    model : keras.Model
        From float32 [shape=(n, n_bands, n_frames)] to float32 [shape=(n, n_genres)].
    matrix_shape : tuple of int
        ``(n_bands, n_frames)``.
    features : mapping
        Whatever classifying needs, as JSON: genres in the order of the labels, settings of the
        fragments and of the representation.
    card : str
        The model card, in Markdown; none if empty.

    Returns
    -------
    str
        ``models:/m-…``
    """
    run = tracking.client.get_run(run_id)
    log_params(tracking, run_id, {"n_parameters": model.count_params()})
    logged = _create_model(tracking, run)
    try:
        _upload(tracking, logged, run_id, model, matrix_shape, features, card)
    except BaseException:
        tracking.client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
        raise
    tracking.client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    tracking.client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return f"models:/{logged.model_id}"


def load_network(tracking: Tracking, model_uri: str) -> Network:
    """Load a network from its address ``models:/m-…``.

    Raises
    ------
    CatalogMismatch
        If it is gone.
    """
    with _telling_absence(model_uri), _folder(tracking, model_uri) as folder:
        return load_folder(folder)


def load_folder(folder: Path) -> Network:
    """Load a network from the folder of its model."""
    return _keras_flavour().load_model(str(folder))


def load_features(tracking: Tracking, model_uri: str) -> dict[str, Any]:
    """The feature settings that a network was logged with.

    Raises
    ------
    CatalogMismatch
        If it is gone.
    """
    with _telling_absence(model_uri), _folder(tracking, model_uri, FEATURES_FILE) as folder:
        return json.loads((folder / FEATURES_FILE).read_text("utf-8"))


@contextmanager
def _telling_absence(model_uri: str) -> Iterator[None]:
    """Say in a sentence that a network is gone."""
    try:
        yield
    except (MlflowException, FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise CatalogMismatch(
            f"the network {model_uri} cannot be loaded; `genreflow tidy` removes networks that "
            f"never reigned, if `[keep]` says so: {error}"
        ) from error


def logged_uri(folder: Path) -> str:
    """Give the address of the model that a folder holds."""
    return f"models:/{Model.load(str(folder)).model_id}"


def log_temperature(tracking: Tracking, model_uri: str, temperature: float) -> None:
    """Keep the temperature that makes a network as sure as it is right beside its features."""
    with tempfile.TemporaryDirectory() as folder:
        document = json.dumps({"temperature": temperature}, indent=2)
        Path(folder, TEMPERATURE_FILE).write_text(document, "utf-8")
        tracking.client.log_model_artifacts(model_uri.removeprefix("models:/"), folder)


def log_certainty(tracking: Tracking, model_uri: str, certainty: Certainty) -> None:
    """Keep what predictions of a model say of themselves beside its temperature."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, CERTAINTY_FILE).write_bytes(certainty_bytes(certainty))
        tracking.client.log_model_artifacts(model_uri.removeprefix("models:/"), folder)


def log_light(
    tracking: Tracking, model_uri: str, light: bytes, embedder: EmbeddingModel | None = None
) -> None:
    """Keep the LiteRT form of a network, and of its embedding, beside it for a fast start."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, LIGHT_FILE).write_bytes(light)
        if embedder:
            document = write_embedder(embedder, Path(folder))
            Path(folder, f"{EMBEDDER}.json").write_text(json.dumps(document), "utf-8")
        tracking.client.log_model_artifacts(model_uri.removeprefix("models:/"), folder)


def load_temperature(tracking: Tracking, model_uri: str) -> float:
    """The temperature that a network was logged with; 1, which changes nothing, if none was."""
    with _folder(tracking, model_uri, TEMPERATURE_FILE) as folder:
        path = folder / TEMPERATURE_FILE
        return float(json.loads(path.read_text("utf-8"))["temperature"]) if path.exists() else 1.0


def load_certainty(tracking: Tracking, model_uri: str) -> Certainty:
    """Return the certainty that a model was logged with; an unfitted one if none was."""
    with _folder(tracking, model_uri, CERTAINTY_FILE) as folder:
        return read_certainty(folder / CERTAINTY_FILE)


def _create_model(tracking: Tracking, run: Run) -> LoggedModel:
    """Announce a model of the run, under the name of its network."""
    params = run.data.params
    return tracking.client.create_logged_model(
        tracking.experiment_id,
        name=params["network"],
        source_run_id=run.info.run_id,
        params=params,
        model_type="classifier",
    )


def _upload(
    tracking: Tracking,
    logged: LoggedModel,
    run_id: str,
    model: Network,
    matrix_shape: tuple[int, int],
    features: Mapping[str, object],
    card: str,
) -> None:
    """Write the model's folder and hand it to the store.

    ``mlflow.keras.log_model`` would do the same through the active run of the whole process.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "model")
        _keras_flavour().save_model(
            model,
            str(place),
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                run_id=run_id,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
            ),
            signature=_signature(matrix_shape, model.output_shape[-1]),
            # given, because finding them out loads TensorFlow in another process: 14 s
            pip_requirements=[f"{name}=={version(name)}" for name in REQUIRED],
        )
        (place / FEATURES_FILE).write_text(json.dumps(features, indent=2))
        if card:
            (place / CARD_FILE).write_text(card, "utf-8")
        _let_judge_songs(place)
        tracking.client.log_model_artifacts(logged.model_id, str(place))


def _keras_flavour() -> ModuleType:
    """MLflow's Keras part; imports Keras, and so TensorFlow, the first time."""
    with warnings.catch_warnings():
        # MLflow warns of the types of its own chat models, which it loads for any model
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType", UserWarning)
        import mlflow.keras
        import mlflow.pyfunc.model
    return mlflow.keras


def _let_judge_songs(place: Path) -> None:
    """Let the model take songs where MLflow serves it; Keras loads the network as before."""
    path = place / "MLmodel"
    model = Model.load(str(path))
    served = model.flavors["python_function"]
    served.pop("data", None)
    served["loader_module"] = LOADER
    model.metadata = {"network_signature": model.signature.to_dict()}
    model.signature = _song_signature()
    model.save(str(path))


def _song_signature() -> ModelSignature:
    """A path, an address or base64 in, a verdict out."""
    text, number = DataType.string, DataType.double
    return ModelSignature(
        inputs=Schema([ColSpec(text, name, required=False) for name in ("song", "audio_base64")]),
        outputs=Schema(
            [
                ColSpec(text, "song"),
                ColSpec(text, "genre"),
                ColSpec(Map(number), "probabilities"),
                ColSpec(text, "error"),
                ColSpec(DataType.long, "champion"),
                ColSpec(number, "confidence", required=False),
                ColSpec(DataType.boolean, "unknown", required=False),
                ColSpec(Array(text), "alternatives", required=False),
            ]
        ),
    )


def _signature(matrix_shape: tuple[int, int], n_genres: int) -> ModelSignature:
    """Any number of matrices in, a probability a genre out."""
    float32 = np.dtype(np.float32)
    return ModelSignature(
        inputs=Schema([TensorSpec(float32, (-1, *matrix_shape))]),
        outputs=Schema([TensorSpec(float32, (-1, n_genres))]),
    )


@contextmanager
def _folder(tracking: Tracking, model_uri: str, name: str = "") -> Iterator[Path]:
    """Give the folder of a model where it lies; from a server, a copy of it, or of one file.

    What lies in the home is not copied; what a server has is gone again after the block.
    """
    model_id = model_uri.removeprefix("models:/")
    logged = tracking.client.get_logged_model(model_id)
    location = urlsplit(logged.artifact_location)
    if location.scheme == "file":
        yield Path(unquote(location.path))
        return
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        with told(tracking.layout.tracking_server):
            _download(tracking, logged.artifact_location, name, folder)
        yield Path(folder)


def _download(tracking: Tracking, location: str, name: str, folder: str) -> None:
    """Copy a model, or one file of it if it has that, from a server into a folder."""
    place: Any = get_artifact_repository(location, tracking.client.tracking_uri)
    there = {Path(file.path).name for file in place.list_artifacts()}
    if not there or (name and name not in there):
        return
    try:
        place.download_artifacts(name, folder)
    except MlflowException as error:  # it is listed, so it is not gone
        cause = ConnectionError(f"{name or 'a network'} does not come whole")
        raise TransientError(tell_absence(tracking.layout.tracking_server, cause)) from error

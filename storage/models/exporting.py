"""Export the champion for the light runtime; needs MLflow and Keras, once a promotion."""

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from genre_core.errors import CatalogMismatch, GenreflowError
from genre_core.model_card import model_card
from storage.embeddings.config import BUILT_IN
from storage.embeddings.embedder import Model
from storage.embeddings.weights import find_weights
from storage.files import digest_file
from storage.models.alias import Champion
from storage.models.exports import EMBEDDER, write_export
from storage.models.litert import LightNetwork, write_light
from storage.models.networks import (
    Network,
    load_certainty,
    load_features,
    load_network,
    load_temperature,
    log_light,
)
from storage.models.store import Tracking

TOLERANCE = 1e-5
"""Largest difference of a probability between a network and its export."""
N_TRIED = 8

logger = logging.getLogger(__name__)


def export_champion(tracking: Tracking, reigning: Champion) -> bool:
    """Export the champion; say whether that could be done.

    A network that cannot be exported stays the champion: the log says why, and classifying loads
    the whole network.
    """
    try:
        _export(tracking, reigning, load_network(tracking, reigning.model_uri))
    except Exception as error:  # whatever the converter raises, the champion reigns
        logger.warning(
            "version %s cannot be exported, so `genreflow classify` loads the whole network, "
            "which takes seconds longer: %s",
            reigning.version,
            str(error).partition("\n")[0] or type(error).__name__,
        )
        return False
    return True


def _export(tracking: Tracking, reigning: Champion, network: Network) -> None:
    features = load_features(tracking, reigning.model_uri)
    light = light_bytes(network)
    _require_agreement(network, light)
    logged = {
        "genres": features["genres"],
        "features": features["features"],
        "temperature": load_temperature(tracking, reigning.model_uri),
    }
    embedder = find_embedder(features)
    certainty = load_certainty(tracking, reigning.model_uri)
    log_light(tracking, reigning.model_uri, light, embedder)
    card = model_card({**logged, "version": reigning.version})
    write_export(tracking.layout, reigning, light, logged, embedder, card, certainty)


def find_embedder(document: Mapping[str, Any]) -> Model | None:
    """Return the model of the embedding that a network was logged with; none for spectrograms.

    Raises
    ------
    CatalogMismatch
        If it is no longer there, or another one: a head reads the values of one model alone.
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


def light_bytes(network: Network) -> bytes:
    """Give a network in LiteRT's form, its recurrent layers unrolled."""
    from genre_core.networks.head import unroll_network  # imports Keras

    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path = Path(folder, "network.tflite")
        write_light(unroll_network(network), path)
        return path.read_bytes()


def _require_agreement(network: Network, light: bytes) -> None:
    """Hold an export to its network, on noise, before it is put in place."""
    shape = (N_TRIED, *network.input_shape[1:])
    matrices = np.random.default_rng(0).random(shape, dtype=np.float32)
    said = np.asarray(network(matrices, training=False))
    difference = float(np.abs(LightNetwork(light).predict_genres(matrices) - said).max())
    if not difference <= TOLERANCE:
        raise GenreflowError(f"its export differs by {difference:.2g} in a probability")

"""A pretrained tagger as ONNX is the tagger in Keras and LiteRT."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genre_core.examples import Float32Array
from storage.embeddings.config import EmbeddingConfig
from storage.embeddings.embedder import load_embedder
from storage.embeddings.musicnn import Variables, build_embedder
from storage.embeddings.registry import find_model
from storage.embeddings.weights import PARTS

pytestmark = pytest.mark.keras


@pytest.fixture
def tagger(tmp_path: Path) -> Any:  # noqa: ANN401 - a keras.Model
    """The VGG of MagnaTagATune, with its front end."""
    import tensorflow as tf

    places = find_spec("musicnn").submodule_search_locations  # type: ignore[union-attr]

    def variables_of(name: str) -> Variables:
        for part in PARTS:
            (tmp_path / f"{name}{part}").symlink_to(Path(places[0], name, part))
        return tf.train.load_checkpoint(str(tmp_path / name)).get_tensor

    return build_embedder(("MTT_vgg",), variables_of)


def embed(file: Path, fragments: Float32Array) -> Float32Array:
    own = EmbeddingConfig(file=file, sample_rate=16_000, window_s=3.0, licence="ISC")
    return load_embedder(find_model("vgg", {"vgg": own}))(fragments)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_tagger_exported_to_onnx_gives_what_it_gives_in_litert(
    tagger: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    tagger.export(tmp_path / "tagger.tflite", format="litert", verbose=False)
    tagger.export(tmp_path / "tagger.onnx", format="onnx", verbose=False)
    noise = np.random.default_rng(3).normal(0, 0.1, (3, round(3.1 * 44_100))).astype(np.float32)

    lite = embed(tmp_path / "tagger.tflite", noise)
    onnx = embed(tmp_path / "tagger.onnx", noise)

    assert onnx.shape == (3, 256 + 50)
    np.testing.assert_allclose(onnx, lite, atol=1e-4)

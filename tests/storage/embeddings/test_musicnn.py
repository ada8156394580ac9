"""The rebuilt taggers against the graphs that their authors published, which are read as data."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.signal.windows import hann

from genre_core.examples import Float32Array
from storage.embeddings.checkpoints import DIGESTS
from storage.embeddings.config import EmbeddingConfig
from storage.embeddings.embedder import load_embedder
from storage.embeddings.registry import find_model
from storage.embeddings.weights import builtin_embedding, find_weights
from storage.models.litert import LiteRTModel

pytestmark = pytest.mark.keras


@pytest.fixture
def musicnn() -> ModuleType:
    """The module, whose import takes seconds."""
    from storage.embeddings import musicnn

    return musicnn


def random_frames() -> Float32Array:
    """Log-mel frames as loud as music is: 0 to 4."""
    return np.random.default_rng(0).uniform(0, 4, (3, 187, 96)).astype(np.float32)


def link_checkpoint(name: str, folder: Path) -> Path:
    """Link the files of a checkpoint under a name that TensorFlow can find."""
    places = find_spec("musicnn").submodule_search_locations  # type: ignore[union-attr]
    for part in (".index", ".data-00000-of-00001", ".meta"):
        (folder / f"{name}{part}").symlink_to(Path(places[0], name, part))  # type: ignore[index]
    return folder / name


def tags_of_graph(checkpoint: Path, output: str, frames: Float32Array) -> Float32Array:
    """Run the published graph: restore the checkpoint, feed frames, read the logits."""
    import tensorflow as tf

    meta = tf.compat.v1.MetaGraphDef.FromString(Path(f"{checkpoint}.meta").read_bytes())
    used = [f"model/{output}/BiasAdd", "save/restore_all"]  # without the gradients
    graph_def = tf.compat.v1.graph_util.extract_sub_graph(meta.graph_def, used)
    with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
        tf.import_graph_def(graph_def, name="")
        session.run("save/restore_all", {"save/Const:0": str(checkpoint)})
        logits = graph.get_tensor_by_name(f"model/{output}/BiasAdd:0")
        fed = {"model/Placeholder:0": frames, "model/Placeholder_2:0": False}
        return session.run(tf.sigmoid(logits), fed)


@pytest.mark.parametrize(
    ("name", "output"),
    [(name, "dense" if name.endswith("vgg") else "dense_1") for name in DIGESTS],
)
def test_the_tags_are_those_of_the_published_graph(
    musicnn: ModuleType, name: str, output: str, tmp_path: Path
) -> None:
    import tensorflow as tf

    checkpoint = link_checkpoint(name, tmp_path)
    read: Callable[[str], np.ndarray] = tf.train.load_checkpoint(str(checkpoint)).get_tensor

    _, logits = musicnn.build_tagger(name, read)(random_frames(), training=False)

    expected = tags_of_graph(checkpoint, output, random_frames())
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), expected, rtol=0, atol=2e-6)
    assert np.ptp(expected) > 0.1


def test_the_front_end_gives_the_mel_bands_of_librosa(musicnn: ModuleType) -> None:
    from librosa.filters import mel  # not librosa.feature: that compiles for 25 s

    wave = np.random.default_rng(1).normal(0, 0.1, 48_000).astype(np.float32)

    found = np.asarray(musicnn.build_front_end()(wave[np.newaxis], training=False))[0]

    frames = np.lib.stride_tricks.sliding_window_view(np.pad(wave, 64), 512)[::256]
    power = np.abs(np.fft.rfft(frames * hann(512, sym=False))) ** 2
    bands = power @ mel(sr=16_000, n_fft=512, n_mels=96).T
    np.testing.assert_allclose(found, np.log10(10_000 * bands + 1), rtol=0, atol=2e-4)


@pytest.mark.parametrize(
    ("name", "n_features"),
    [pytest.param("musicnn", 400, marks=pytest.mark.long), ("musicnn_vgg", 512)],
)
def test_the_converted_model_is_small_with_features_and_tags(name: str, n_features: int) -> None:
    model = find_weights(name)

    content = model.file.read_bytes()
    values = LiteRTModel(content).predict_genres(np.zeros((2, 48_000), np.float32))

    assert len(content) < 4_500_000
    assert model.embedding.digest[:16] in model.file.name
    assert values.shape == (2, n_features + 100)
    assert model.embedding.n_features == n_features


def test_every_logit_has_the_name_of_its_tag() -> None:
    tags = builtin_embedding("musicnn").tags

    assert len(set(tags)) == 100
    assert (tags[0], tags[49]) == ("MTT: guitar", "MTT: choral")
    assert (tags[50], tags[83]) == ("MSD: rock", "MSD: Hip-Hop")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_tagger_is_the_same_in_onnx_and_litert(musicnn: ModuleType, tmp_path: Path) -> None:
    import tensorflow as tf

    def variables_of(name: str) -> Callable[[str], np.ndarray]:
        return tf.train.load_checkpoint(str(link_checkpoint(name, tmp_path))).get_tensor

    tagger = musicnn.build_embedder(("MTT_vgg",), variables_of)
    noise = np.random.default_rng(3).normal(0, 0.1, (3, round(3.1 * 44_100))).astype(np.float32)
    found = []
    for kind in ("litert", "onnx"):
        file = tmp_path / f"tagger.{'tflite' if kind == 'litert' else kind}"
        tagger.export(file, format=kind, verbose=False)
        own = EmbeddingConfig(file=file, sample_rate=16_000, window_s=3.0, licence="ISC")
        found.append(load_embedder(find_model("vgg", {"vgg": own}))(noise))

    assert found[1].shape == (3, 256 + 50)
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)

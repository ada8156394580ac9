"""The light runtime gives the probabilities of Keras, for every network there is."""

from collections.abc import Iterable

import numpy as np
import pytest

from genre_core.examples import Float32Array
from genre_core.networks.registry import NETWORKS
from storage.models.litert import LiteRTModel
from storage.models.logged import Network

pytestmark = pytest.mark.keras


def all_but(names: Iterable[str], *quick: str) -> list[object]:
    """All names as parameters of a test, those that are not quick in its long form."""
    return [n if n in quick else pytest.param(n, marks=pytest.mark.long) for n in names]


def random_matrices(*shape: int) -> Float32Array:
    return np.random.default_rng(3).random(shape, dtype=np.float32)


def shaken_network(name: str, shape: tuple[int, int]) -> Network:
    """A network none of whose weights is a plain zero or one, statistics of batches among them."""
    import keras

    from genre_core.networks.registry import build_network

    keras.utils.set_random_seed(5)
    model = build_network(name, shape, 6)
    rng = np.random.default_rng(5)
    model.set_weights([w + rng.normal(0, 0.02, w.shape) for w in model.get_weights()])
    return model


def both_ways(model: Network, matrices: Float32Array) -> tuple[Float32Array, Float32Array]:
    from genre_core.training.fit import predict_genres
    from storage.models.logged import litert_bytes

    light = LiteRTModel(litert_bytes(model))
    return light.predict_genres(matrices), predict_genres(model, matrices)


@pytest.mark.parametrize("name", all_but(NETWORKS, "cnn", "gru"))
def test_every_network_gives_the_probabilities_that_keras_gives(name: str) -> None:
    light, whole = both_ways(shaken_network(name, (12, 29)), random_matrices(15, 12, 29))

    np.testing.assert_allclose(light, whole, rtol=0, atol=1e-5)
    assert np.ptp(whole, axis=0).max() > 1e-3  # the matrices are told apart


@pytest.mark.parametrize("name", all_but(NETWORKS, "dense"))
def test_every_network_as_onnx_gives_the_probabilities_of_litert(name: str) -> None:
    from storage.models.logged import litert_bytes
    from storage.models.onnx_file import convert_litert, run_onnx

    light = litert_bytes(shaken_network(name, (12, 29)))
    matrices = random_matrices(15, 12, 29)

    found = run_onnx(convert_litert(light), matrices)

    np.testing.assert_allclose(found, LiteRTModel(light).predict_genres(matrices), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("cnn", (64, 299)),
        pytest.param("resnet_small", (1, 700), marks=pytest.mark.long),
        pytest.param("dense", (12, 640), marks=pytest.mark.long),
    ],
)
def test_larger_matrices_are_averaged_and_pooled_as_in_keras(
    name: str, shape: tuple[int, int]
) -> None:
    light, whole = both_ways(shaken_network(name, shape), random_matrices(3, *shape))

    np.testing.assert_allclose(light, whole, rtol=0, atol=1e-5)


def test_a_pruned_network_gives_the_probabilities_that_keras_gives() -> None:
    from genre_core.studies.kernels.pruning import convolutions, read_layer, shrink

    model = shaken_network("cnn_8_16", (12, 29))
    layer = read_layer(model, convolutions(model)[1])
    pruned = shrink(model, layer, [0, 3, 4, 11])

    light, whole = both_ways(pruned, random_matrices(15, 12, 29))

    assert pruned.count_params() < model.count_params()
    np.testing.assert_allclose(light, whole, rtol=0, atol=1e-5)


def test_a_light_network_takes_any_number_of_matrices_one_after_the_other() -> None:
    from storage.models.logged import litert_bytes

    light = LiteRTModel(litert_bytes(shaken_network("rnn_tanh", (12, 9))))
    matrices = random_matrices(7, 12, 9)

    together = light.predict_genres(matrices)
    parts = [light.predict_genres(matrices[:2]), light.predict_genres(matrices[2:])]

    np.testing.assert_allclose(np.concatenate(parts), together, rtol=0, atol=1e-6)


def test_matrices_of_another_shape_are_refused() -> None:
    from storage.models.logged import litert_bytes

    light = LiteRTModel(litert_bytes(shaken_network("dense", (12, 9))))

    with pytest.raises(ValueError, match=r"of \(12, 10\) do not fit \(12, 9\)"):
        light.predict_genres(random_matrices(7, 12, 10))

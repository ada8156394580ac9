"""Real networks: activations, top patches, and what is left when kernels go."""

from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from genre_core.examples import Examples, Float32Array
from genre_core.networks.registry import build_network
from genre_core.studies.kernels.similarity import (
    KernelLayer,
    Removal,
    kept_after,
    most_similar_first,
    removals,
)

pytestmark = pytest.mark.keras

SHAPE = (12, 9)
MATRICES = np.random.default_rng(5).random((12, *SHAPE), dtype=np.float32)
Model = Any  # a keras.Model, which is imported late


@pytest.fixture(scope="module")
def pruning() -> ModuleType:
    from genre_core.studies.kernels import pruning

    return pruning


@pytest.fixture(scope="module")
def activations() -> ModuleType:
    from genre_core.studies.kernels import activations

    return activations


@pytest.fixture
def model() -> Model:
    from genre_core.training.fit import seeded_network

    model = seeded_network("cnn_4_8", SHAPE, 3, 0)
    rng = np.random.default_rng(0)
    # biases start at zero; a trained network has others
    model.set_weights([w + rng.normal(0, 0.05, w.shape) for w in model.get_weights()])
    return model


def predict(model: Model) -> Float32Array:
    from genre_core.training.fit import predict_genres

    return predict_genres(model, MATRICES)


def own_examples(model: Model, n_wrong: int = 0) -> Examples:
    """Examples whose label is the prediction of the network, but for the first ones."""
    labels = predict(model).argmax(axis=1).astype(np.int64)
    labels[:n_wrong] = (labels[:n_wrong] + 1) % 3
    return Examples(matrices=MATRICES, labels=labels, track_ids=np.array(["a"] * 12, object))


def convolution(model: Model, nth: int) -> Any:  # noqa: ANN401 - a keras.Layer
    return [layer for layer in model.layers if hasattr(layer, "filters")][nth]


def plant_twin(model: Model, nth: int, share: float) -> None:
    """Make kernel 2 of a convolution ``share`` times its kernel 1."""
    kernel, bias = convolution(model, nth).get_weights()
    kernel[..., 2], bias[2] = share * kernel[..., 1], share * bias[1]
    convolution(model, nth).set_weights([kernel, bias])


def remove(layer: KernelLayer, n_removed: int) -> tuple[KernelLayer, list[Removal], list[int]]:
    steps = [s for s, _ in zip(removals(layer, most_similar_first), range(n_removed), strict=False)]
    removed = [removal for removal, _ in steps]
    return steps[-1][1], removed, kept_after(len(layer), removed)


def test_a_convolution_is_the_relu_of_a_sum_of_products_and_pooling_its_maximum(
    model: Model, activations: ModuleType
) -> None:
    kernel, bias = model.layers[2].get_weights()

    first, pooled, second = activations.activations_of(model, MATRICES[0]).values()

    windows = np.lib.stride_tricks.sliding_window_view(MATRICES[0], (3, 3))
    worked = np.maximum(0, np.einsum("bfij,ijn->bfn", windows, kernel[:, :, 0]) + bias)
    np.testing.assert_allclose(first, worked, atol=1e-5)
    highest = worked[:10, :6].reshape(5, 2, 3, 2, 4).max(axis=(1, 3))
    np.testing.assert_allclose(pooled, highest, atol=1e-5)
    assert second.shape == (3, 1, 8)
    assert activations.activations_of(build_network("dense", SHAPE, 3), MATRICES[0]) == {}


@pytest.mark.parametrize(("nth", "side", "step"), [(0, 3, 1), (1, 8, 2)])
def test_a_top_patch_alone_activates_its_kernel_as_much(
    model: Model, activations: ModuleType, nth: int, side: int, step: int
) -> None:
    found = activations.top_activations(model, convolution(model, nth).name, MATRICES, 2)

    assert found.patches.shape == (4 * (nth + 1), 2, side, side)
    assert (found.strengths[:, 0] >= found.strengths[:, 1]).all()
    for kernel, patches in enumerate(found.patches):
        band, frame = found.bands[kernel, 0], found.frames[kernel, 0]
        alone = np.zeros(SHAPE, np.float32)
        alone[band : band + side, frame : frame + side] = patches[0]
        image = list(activations.activations_of(model, alone).values())[2 * nth]
        strength = image[band // step, frame // step, kernel]
        assert strength == pytest.approx(found.strengths[kernel, 0], abs=1e-6)


@pytest.mark.parametrize(("nth", "share"), list(product([0, 1], [0.4, 3.0])))
def test_a_planted_twin_goes_first_and_the_predictions_stay(
    model: Model, pruning: ModuleType, nth: int, share: float
) -> None:
    plant_twin(model, nth, share)
    before = predict(model)

    after, removed, kept = remove(pruning.read_layer(model, convolution(model, nth).name), 1)
    smaller = pruning.shrink(model, after, kept)

    assert {removed[0].dropped, removed[0].twin} == {1, 2}
    np.testing.assert_allclose(predict(smaller), before, atol=1e-5)


@pytest.mark.parametrize(("nth", "n_removed", "kernels"), [(0, 2, (2, 8)), (1, 5, (4, 3))])
def test_the_smaller_network_predicts_as_the_silenced_one_and_can_be_loaded(
    model: Model,
    pruning: ModuleType,
    tmp_path: Path,
    nth: int,
    n_removed: int,
    kernels: tuple[int, int],
) -> None:
    import keras

    before, silenced = predict(model), pruning.copy_network(model)
    layer = pruning.read_layer(model, convolution(model, nth).name)
    after, _, kept = remove(layer, n_removed)

    pruning.silence(silenced, after)
    smaller = pruning.shrink(model, after, kept)

    smaller.save(tmp_path / "smaller.keras")
    loaded = keras.models.load_model(tmp_path / "smaller.keras")
    np.testing.assert_allclose(predict(loaded), predict(silenced), atol=1e-5)
    assert np.abs(predict(silenced) - before).max() > 1e-4
    np.testing.assert_array_equal(predict(model), before)
    # 3 × 3 weights and a bias for each image that a kernel reads; 3 places, 128 units, 3 genres
    first, second = kernels
    layers = (10 * first, (9 * first + 1) * second, (3 * second + 1) * 128, 129 * 3)
    assert loaded.count_params() == sum(layers)


def test_kernels_that_are_multiples_of_one_are_pruned_down_to_it(
    model: Model, pruning: ModuleType
) -> None:
    kernel, bias = convolution(model, 0).get_weights()
    shares = np.array([1, 0.5, 2, 3])
    convolution(model, 0).set_weights([kernel[..., :1] * shares, bias[0] * shares])
    examples = own_examples(model)

    pruned = pruning.prune_network(model, examples)

    assert pruned.n_full == (4, 8)
    assert len(pruned.kept[0]) == 1
    assert pruning.fragment_accuracy(pruned.model, examples) == 1


def test_a_curve_starts_with_the_full_network_and_ends_with_one_kernel(
    model: Model, pruning: ModuleType
) -> None:
    plant_twin(model, 0, 2.0)
    examples, name = own_examples(model), convolution(model, 0).name

    curve = pruning.prune_layer(model, name, examples, 2, np.random.default_rng(0))

    assert curve.n_kept == (4, 3, 2, 1)
    assert curve.similar[:2].tolist() == [1, 1]
    assert curve.random.shape == curve.dropped.shape == (2, 4)
    assert pruning.fragment_accuracy(model, examples) == 1
    wrong = own_examples(model, n_wrong=3)
    assert pruning.fragment_accuracy(model, wrong) == pytest.approx(9 / 12)


def test_networks_that_branch_have_no_kernels_or_no_relu_are_not_pruned(
    model: Model, pruning: ModuleType
) -> None:
    import keras

    for network, message in (("combined", "branches at"), ("dense", "has no kernels to prune")):
        other = build_network(network, SHAPE, 3)
        with pytest.raises(ValueError, match=f"{network} {message}"):
            pruning.prune_network(other, own_examples(other))
    convolution(model, 0).activation = keras.activations.tanh
    with pytest.raises(ValueError, match="has no relu"):
        pruning.read_layer(model, convolution(model, 0).name)


def test_the_boxes_of_a_network_name_its_layers_shapes_and_parameters() -> None:
    from genre_core.networks.layers import layer_boxes

    boxes = layer_boxes(build_network("combined", (12, 29), 6))

    of_kind = {box.kind: box for box in boxes}
    assert sum(box.n_parameters for box in boxes) == 295_014
    assert of_kind["Flatten"].shape == (1056,)
    assert of_kind["Concatenate"].shape == (1056 + 256,)
    assert len(of_kind["Concatenate"].reads) == 2
    assert of_kind["InputLayer"].reads == ()

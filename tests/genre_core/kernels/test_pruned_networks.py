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


def matrices(n: int = 12) -> Float32Array:
    return np.random.default_rng(5).random((n, *SHAPE), dtype=np.float32)


def predict(model: Model) -> Float32Array:
    from genre_core.training.fit import predict_genres

    return predict_genres(model, matrices())


def own_examples(model: Model) -> Examples:
    """Examples whose label is the prediction of the network: it is right in all."""
    labels = predict(model).argmax(axis=1).astype(np.int64)
    return Examples(
        matrices=matrices(), labels=labels, track_ids=np.array(["a"] * len(labels), object)
    )


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


def test_a_convolution_gives_the_relu_of_a_sum_of_products_and_pooling_its_maximum(
    model: Model, activations: ModuleType
) -> None:
    matrix = matrices()[0]
    kernel, bias = model.layers[2].get_weights()

    first, pooled, second = activations.activations_of(model, matrix)

    worked = np.zeros((10, 7, 4))
    for band, frame, nth in product(range(10), range(7), range(4)):
        terms = [
            matrix[band + i, frame + j] * kernel[i, j, 0, nth]
            for i, j in product(range(3), range(3))
        ]
        worked[band, frame, nth] = max(0, sum(terms) + bias[nth])
    np.testing.assert_allclose(first.values, worked, atol=1e-5)
    highest = worked[:10, :6].reshape(5, 2, 3, 2, 4).max(axis=(1, 3))
    np.testing.assert_allclose(pooled.values, highest, atol=1e-5)
    assert second.values.shape == (3, 1, 8)


def test_a_network_without_convolution_has_no_activations(activations: ModuleType) -> None:
    assert activations.activations_of(build_network("dense", SHAPE, 3), matrices()[0]) == []


@pytest.mark.parametrize(("nth", "side", "step"), [(0, 3, 1), (1, 8, 2)])
def test_a_top_patch_alone_activates_its_kernel_as_much(
    model: Model, activations: ModuleType, nth: int, side: int, step: int
) -> None:
    found = activations.top_activations(model, convolution(model, nth).name, matrices(), 2)

    assert found.patches.shape == (4 * (nth + 1), 2, side, side)
    for kernel in range(len(found.patches)):
        band, frame = found.bands[kernel, 0], found.frames[kernel, 0]
        alone = np.zeros(SHAPE, np.float32)
        alone[band : band + side, frame : frame + side] = found.patches[kernel, 0]
        image = activations.activations_of(model, alone)[2 * nth].values[..., kernel]
        strength = image[band // step, frame // step]
        assert strength == pytest.approx(found.strengths[kernel, 0], abs=1e-6)
        assert found.strengths[kernel, 0] >= found.strengths[kernel, 1]


@pytest.mark.parametrize("nth", [0, 1])
@pytest.mark.parametrize("share", [0.4, 3.0])
def test_a_planted_twin_goes_first_and_the_predictions_stay(
    model: Model, pruning: ModuleType, nth: int, share: float
) -> None:
    plant_twin(model, nth, share)
    before = predict(model)

    layer = pruning.read_layer(model, convolution(model, nth).name)
    after, removed, kept = remove(layer, 1)
    smaller = pruning.shrink(model, after, kept)

    assert {removed[0].dropped, removed[0].twin} == {1, 2}
    np.testing.assert_allclose(predict(smaller), before, atol=1e-5)
    assert smaller.count_params() < model.count_params()


@pytest.mark.parametrize(("nth", "n_removed"), [(0, 2), (1, 5)])
def test_the_smaller_network_predicts_as_the_silenced_one(
    model: Model, pruning: ModuleType, nth: int, n_removed: int
) -> None:
    before = predict(model)
    layer = pruning.read_layer(model, convolution(model, nth).name)
    after, _, kept = remove(layer, n_removed)
    silenced = pruning.copy_network(model)

    pruning.silence(silenced, after)
    smaller = pruning.shrink(model, after, kept)

    np.testing.assert_allclose(predict(smaller), predict(silenced), atol=1e-5)
    assert np.abs(predict(silenced) - before).max() > 1e-4
    np.testing.assert_array_equal(predict(model), before)
    # 4 - 2 and 8 kernels, or 4 and 8 - 5: 10 a kernel, then 9 weights an image and a bias; the
    # last kernels have 3 × 1 places that 128 units read
    n_first, n_second = (2, 8) if nth == 0 else (4, 3)
    second = (9 * n_first + 1) * n_second
    assert smaller.count_params() == 10 * n_first + second + (3 * n_second + 1) * 128 + 129 * 3


def test_a_pruned_network_can_be_saved_and_loaded(
    model: Model, pruning: ModuleType, tmp_path: Path
) -> None:
    import keras

    after, _, kept = remove(pruning.read_layer(model, convolution(model, 0).name), 2)
    smaller = pruning.shrink(model, after, kept)

    smaller.save(tmp_path / "smaller.keras")
    loaded = keras.models.load_model(tmp_path / "smaller.keras")

    np.testing.assert_allclose(predict(loaded), predict(smaller), atol=1e-6)


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


def test_the_accuracy_is_the_share_of_right_fragments(model: Model, pruning: ModuleType) -> None:
    examples = own_examples(model)
    labels = examples.labels.copy()
    labels[:3] = (labels[:3] + 1) % 3

    wrong = Examples(matrices=matrices(), labels=labels, track_ids=examples.track_ids)

    assert pruning.fragment_accuracy(model, wrong) == pytest.approx(9 / 12)


@pytest.mark.parametrize(
    ("network", "message"),
    [("combined", "combined branches at"), ("dense", "dense has no kernels to prune")],
)
def test_networks_that_branch_or_have_no_kernels_are_not_pruned(
    pruning: ModuleType, network: str, message: str
) -> None:
    model = build_network(network, SHAPE, 3)

    with pytest.raises(ValueError, match=message):
        pruning.prune_network(model, own_examples(model))


def test_a_layer_without_relu_is_not_pruned(model: Model, pruning: ModuleType) -> None:
    import keras

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

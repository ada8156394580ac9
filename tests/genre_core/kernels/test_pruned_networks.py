"""Real networks: activations, top patches, and what is left when kernels go."""

from itertools import product
from pathlib import Path
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


def fresh(name: str = "cnn_4_8", seed: int = 0) -> Any:  # noqa: ANN401 - a keras.Model
    from genre_core.training.fit import seeded_network

    model = seeded_network(name, SHAPE, 3, seed)
    rng = np.random.default_rng(seed)
    # biases start at zero; a trained network has others
    model.set_weights([w + rng.normal(0, 0.05, w.shape) for w in model.get_weights()])
    return model


def matrices(n: int = 12) -> Float32Array:
    return np.random.default_rng(5).random((n, *SHAPE), dtype=np.float32)


def predict(model: Any) -> Float32Array:  # noqa: ANN401 - a keras.Model
    from genre_core.training.fit import predict_genres

    return predict_genres(model, matrices())


def plant_twin(model: Any, layer: int, share: float) -> None:  # noqa: ANN401 - a keras.Model
    """Make kernel 2 of a convolution ``share`` times its kernel 1."""
    from genre_core.studies.kernels.pruning import convolutions

    convolution = model.get_layer(convolutions(model)[layer])
    kernel, bias = convolution.get_weights()
    kernel[..., 2], bias[2] = share * kernel[..., 1], share * bias[1]
    convolution.set_weights([kernel, bias])


def remove(
    model: Any,  # noqa: ANN401 - a keras.Model
    layer: int,
    n_removed: int,
) -> tuple[KernelLayer, list[Removal]]:
    from genre_core.studies.kernels.pruning import convolutions, read_layer

    curve = removals(read_layer(model, convolutions(model)[layer]), most_similar_first)
    steps = [step for step, _ in zip(curve, range(n_removed), strict=False)]
    return steps[-1][1], [removal for removal, _ in steps]


def test_a_convolution_gives_the_relu_of_a_sum_of_products_and_pooling_its_maximum() -> None:
    from genre_core.studies.kernels.activations import activations_of

    model, matrix = fresh(), matrices()[0]
    kernel, bias = model.layers[2].get_weights()

    first, pooled, second = activations_of(model, matrix)

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


def test_a_network_without_convolution_has_no_activations() -> None:
    from genre_core.studies.kernels.activations import activations_of

    assert activations_of(build_network("dense", SHAPE, 3), matrices()[0]) == []


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("share", [0.4, 3.0])
def test_a_planted_twin_goes_first_and_the_predictions_stay(layer: int, share: float) -> None:
    from genre_core.studies.kernels.pruning import shrink

    model = fresh()
    plant_twin(model, layer, share)
    before = predict(model)

    after, removed = remove(model, layer, 1)
    smaller = shrink(model, after, kept_after(len(after), removed))

    assert {removed[0].dropped, removed[0].twin} == {1, 2}
    np.testing.assert_allclose(predict(smaller), before, atol=1e-5)
    assert smaller.count_params() < model.count_params()


@pytest.mark.parametrize(("layer", "n_removed"), [(0, 2), (1, 5)])
def test_the_smaller_network_predicts_as_the_silenced_one(layer: int, n_removed: int) -> None:
    from genre_core.studies.kernels.pruning import copy_network, shrink, silence

    model = fresh()
    before = predict(model)
    after, removed = remove(model, layer, n_removed)
    silenced = copy_network(model)

    silence(silenced, after)
    smaller = shrink(model, after, kept_after(len(after), removed))

    np.testing.assert_allclose(predict(smaller), predict(silenced), atol=1e-5)
    assert np.abs(predict(silenced) - before).max() > 1e-4
    np.testing.assert_array_equal(predict(model), before)


def test_a_pruned_network_has_the_parameters_of_its_kernels_and_can_be_loaded(
    tmp_path: Path,
) -> None:
    import keras

    from genre_core.studies.kernels.pruning import shrink

    model = fresh()
    after, removed = remove(model, 0, 2)
    smaller = shrink(model, after, kept_after(4, removed))

    smaller.save(tmp_path / "smaller.keras")
    loaded = keras.models.load_model(tmp_path / "smaller.keras")

    # 2 and 8 kernels: 10 × 2, (9 × 2 + 1) × 8, (3 × 1 × 8 + 1) × 128, (128 + 1) × 3
    assert loaded.count_params() == 20 + 152 + 3_200 + 387
    np.testing.assert_allclose(predict(loaded), predict(smaller), atol=1e-6)


def own_examples(model: Any) -> Examples:  # noqa: ANN401 - a keras.Model
    """Examples whose label is the prediction of the network: it is right in all."""
    labels = predict(model).argmax(axis=1).astype(np.int64)
    return Examples(
        matrices=matrices(), labels=labels, track_ids=np.array(["a"] * len(labels), object)
    )


def test_kernels_that_are_multiples_of_one_are_pruned_down_to_it() -> None:
    from genre_core.studies.kernels.pruning import convolutions, fragment_accuracy, prune_network

    model = fresh()
    first = model.get_layer(convolutions(model)[0])
    kernel, bias = first.get_weights()
    shares = np.array([1, 0.5, 2, 3])
    first.set_weights([kernel[..., :1] * shares, bias[0] * shares])
    examples = own_examples(model)

    pruned = prune_network(model, examples)

    assert pruned.n_full == (4, 8)
    assert len(pruned.kept[0]) == 1
    assert fragment_accuracy(pruned.model, examples) == 1


def test_a_curve_starts_with_the_full_network_and_ends_with_one_kernel() -> None:
    from genre_core.studies.kernels.pruning import convolutions, fragment_accuracy, prune_layer

    model = fresh()
    plant_twin(model, 0, 2.0)
    examples, name = own_examples(model), convolutions(model)[0]

    curve = prune_layer(model, name, examples, 2, np.random.default_rng(0))

    assert curve.n_kept == (4, 3, 2, 1)
    assert curve.similar[:2].tolist() == [1, 1]
    assert curve.random.shape == curve.dropped.shape == (2, 4)
    assert fragment_accuracy(model, examples) == 1


def test_the_accuracy_is_the_share_of_right_fragments() -> None:
    from genre_core.studies.kernels.pruning import fragment_accuracy

    model = fresh()
    examples = own_examples(model)
    labels = examples.labels.copy()
    labels[:3] = (labels[:3] + 1) % 3

    wrong = Examples(matrices=matrices(), labels=labels, track_ids=examples.track_ids)

    assert fragment_accuracy(model, wrong) == pytest.approx(9 / 12)


@pytest.mark.parametrize(
    ("network", "message"),
    [("combined", "combined branches at"), ("dense", "dense has no kernels to prune")],
)
def test_networks_that_branch_or_have_no_kernels_are_not_pruned(network: str, message: str) -> None:
    from genre_core.studies.kernels.pruning import prune_network

    model = build_network(network, SHAPE, 3)

    with pytest.raises(ValueError, match=message):
        prune_network(model, own_examples(model))


def test_a_layer_without_relu_is_not_pruned() -> None:
    import keras

    from genre_core.studies.kernels.pruning import convolutions, read_layer

    model = fresh()
    model.get_layer(convolutions(model)[0]).activation = keras.activations.tanh

    with pytest.raises(ValueError, match="has no relu"):
        read_layer(model, convolutions(model)[0])


@pytest.mark.parametrize(("layer", "side", "step"), [(0, 3, 1), (1, 8, 2)])
def test_a_top_patch_alone_activates_its_kernel_as_much(layer: int, side: int, step: int) -> None:
    from genre_core.studies.kernels.activations import activations_of, top_activations
    from genre_core.studies.kernels.pruning import convolutions

    model = fresh()

    found = top_activations(model, convolutions(model)[layer], matrices(), 2)

    assert found.patches.shape == (4 * (layer + 1), 2, side, side)
    for kernel in range(len(found.patches)):
        band, frame = found.bands[kernel, 0], found.frames[kernel, 0]
        alone = np.zeros(SHAPE, np.float32)
        alone[band : band + side, frame : frame + side] = found.patches[kernel, 0]
        image = activations_of(model, alone)[2 * layer].values[..., kernel]
        strength = image[band // step, frame // step]
        assert strength == pytest.approx(found.strengths[kernel, 0], abs=1e-6)
        assert found.strengths[kernel, 0] >= found.strengths[kernel, 1]


def test_the_boxes_of_a_network_name_its_layers_shapes_and_parameters() -> None:
    from genre_core.networks.layers import layer_boxes

    model = build_network("combined", (12, 29), 6)

    boxes = {box.kind: box for box in layer_boxes(model)}

    assert sum(box.n_parameters for box in layer_boxes(model)) == 295_014
    assert boxes["Flatten"].shape == (1056,)
    assert boxes["Concatenate"].shape == (1056 + 256,)
    assert len(boxes["Concatenate"].reads) == 2
    assert boxes["InputLayer"].reads == ()

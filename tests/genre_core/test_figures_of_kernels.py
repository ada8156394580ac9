"""Figures of kernels: what they show is what they were given."""

import numpy as np
import pytest

from genre_core.figures.kernels import (
    draw_activations,
    draw_cosines,
    draw_kernel_counts,
    draw_pruning,
    draw_similarity,
    draw_top_activations,
    kernel_images,
    plain_name,
    side_by_side,
)
from genre_core.studies.kernels.counts import CountHistory
from genre_core.studies.kernels.similarity import PruningCurve, SimilarityTest
from tests.genre_core.test_figures import PNG, png


def counted(n_first: int, accuracies: list[list[float]]) -> CountHistory:
    return CountHistory(
        network=f"cnn_{n_first}_{2 * n_first}",
        n_first=n_first,
        n_second=2 * n_first,
        n_parameters=1000 * n_first,
        accuracies=np.array(accuracies),
    )


def pruned(*similar: float) -> PruningCurve:
    orders = np.array([similar, similar])
    return PruningCurve(
        layer="conv2d",
        n_kept=tuple(range(len(similar), 0, -1)),
        similar=np.array(similar),
        random=orders / 2,
        dropped=orders / 4,
        removed=(),
    )


def test_accuracy_by_kernels_is_the_mean_of_the_best_so_far() -> None:
    histories = [counted(4, [[0.4, 0.2], [0.2, 0.6]]), counted(8, [[0.5, 0.7], [0.5, 0.9]])]

    over_epochs, at_the_end, until = draw_kernel_counts(histories, [0.5], "kernels").axes

    np.testing.assert_allclose(over_epochs.lines[0].get_xydata(), [[1, 0.3], [2, 0.5]])
    assert at_the_end.lines[1].get_ydata()[0] == pytest.approx(0.8)
    # one of the seeds with 4 kernels reaches 50 %, in epoch 2; with 8 both do, in epoch 1
    np.testing.assert_allclose(until.lines[0].get_xydata(), [[0, 2], [1, 1]])
    assert [text.get_text() for text in until.texts] == ["1 of 2"]


def test_networks_of_three_seeds_have_bands_and_none_cannot_be_drawn() -> None:
    rng = np.random.default_rng(0)
    histories = [counted(2**n, rng.random((3, 20)).tolist()) for n in range(2, 7)]

    figure = draw_kernel_counts(histories, [0.3, 0.6], "kernels")

    assert len(figure.axes[0].collections) == 5
    with pytest.raises(ValueError, match="no training to draw"):
        draw_kernel_counts([], [], "kernels")


def test_pruning_is_drawn_from_all_kernels_down_to_one_as_means_over_seeds() -> None:
    axes = draw_pruning([[pruned(0.8, 0.6), pruned(0.4, 0.2)]], 0.25, "pruning").axes[0]

    dropped, folded, similar, chance = axes.lines
    np.testing.assert_allclose(similar.get_xydata(), [[2, 0.6], [1, 0.4]])
    np.testing.assert_allclose(folded.get_ydata(), [0.3, 0.2])
    np.testing.assert_allclose(dropped.get_ydata(), [0.15, 0.1])
    assert list(chance.get_ydata()) == [0.25, 0.25]
    assert axes.xaxis_inverted()


def test_similar_kernels_are_side_by_side_in_layers_of_any_size() -> None:
    order = side_by_side(np.array([[1.0, 0.0], [-1.0, 0.1], [1.0, 0.1], [0.0, 1.0]]))

    assert sorted(order) == [0, 1, 2, 3]
    assert abs(list(order).index(0) - list(order).index(2)) == 1
    rng = np.random.default_rng(0)
    layers = {"one": rng.normal(size=(2, 9)), "two": rng.normal(size=(128, 576))}
    assert png(draw_cosines(layers, "cosines")).startswith(PNG)


def test_similarity_is_drawn_beside_that_of_untrained_kernels() -> None:
    test = SimilarityTest(similarity=0.9, chance=0.5, chance_low=0.4, chance_high=0.6, p_value=0.01)

    axes = draw_similarity({"cnn, layer 1": test}, "similarity").axes[0]

    np.testing.assert_allclose(axes.collections[0].get_segments()[0][:, 0], [0.4, 0.6])
    assert axes.lines[0].get_xdata()[0] == 0.9


def test_the_activations_of_a_layer_share_one_scale_and_silent_ones_are_named() -> None:
    images = np.zeros((3, 5, 3), np.float32)
    images[..., 0], images[1, 1, 2] = 0.2, 4

    figure = draw_activations(images, "a layer")

    panels = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in panels] == ["0", "1 (silent)", "2"]
    assert {axes.images[0].get_clim() for axes in panels} == {(0, 4)}
    assert png(draw_activations(np.ones((3, 11, 20), np.float32), "three rows")).startswith(PNG)


def test_a_kernel_is_drawn_before_its_top_patches_and_a_silent_one_has_none() -> None:
    rows = np.arange(18, dtype=np.float32).reshape(2, 9)
    patches = np.ones((2, 3, 3, 3), np.float32)
    strengths = np.array([[0.5, 0.4, 0.3], [0, 0, 0]], np.float32)

    figure = draw_top_activations(kernel_images(rows), patches, strengths, "kernels")

    assert [axes.get_title(loc="left") for axes in figure.axes[::4]] == ["0: 0.50", "1: silent"]
    np.testing.assert_array_equal(figure.axes[4].images[0].get_array(), rows[1].reshape(3, 3))
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 1, 1, 0, 0, 0]
    assert kernel_images(np.ones((2, 288), np.float32)) is None


def test_a_layer_has_a_plain_name() -> None:
    layers = ("conv2d", "conv2d_12", "max_pooling2d_1")

    assert [plain_name(layer) for layer in layers] == ["convolution", "convolution", "max pooling"]

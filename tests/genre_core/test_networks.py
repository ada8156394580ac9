"""The networks: their exact sizes, their output, and what they refuse."""

import subprocess
import sys

import numpy as np
import pytest

from genre_core.networks.registry import KERNEL_COUNTS, NETWORKS, build_network

# Worked by hand, six genres; tests/golden/README.md shows the sums.
NETWORK_SIZES = {
    ("dense", (12, 29)): 123_014,
    ("rnn_tanh", (12, 29)): 84_742,
    ("rnn", (12, 29)): 216_070,
    ("gru", (12, 29)): 121_222,
    ("lstm", (12, 29)): 138_886,
    ("cnn", (12, 29)): 145_638,
    ("combined", (12, 29)): 295_014,
    ("cnn_4_8", (12, 29)): 35_030,
    ("cnn_8_16", (12, 29)): 69_734,
    ("cnn_16_32", (12, 29)): 140_870,
    ("cnn_32_64", (12, 29)): 290_054,
    ("cnn_64_128", (12, 29)): 616_070,
    ("cnn", (11, 29)): 100_582,
    ("combined", (11, 29)): 249_830,
    ("rnn", (12, 9)): 216_070,
    ("cnn", (12, 9)): 22_758,
}


def test_every_network_has_a_size_worked_by_hand() -> None:
    assert {name for name, _ in NETWORK_SIZES} == set(NETWORKS)


@pytest.mark.keras
@pytest.mark.parametrize(("name", "input_shape"), NETWORK_SIZES)
def test_a_network_has_exactly_its_parameters(name: str, input_shape: tuple[int, int]) -> None:
    model = build_network(name, input_shape, 6)

    assert model.count_params() == NETWORK_SIZES[name, input_shape]


@pytest.mark.keras
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_float32_probabilities_for_one_second_fragments(name: str) -> None:
    matrices = np.random.default_rng(0).random((5, 12, 9), dtype=np.float32)

    probabilities = np.asarray(build_network(name, (12, 9), 6)(matrices))

    assert probabilities.dtype == np.float32
    assert probabilities.shape == (5, 6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.keras
@pytest.mark.parametrize("name", ["rnn_tanh", "rnn", "gru", "lstm"])
def test_a_recurrent_network_steps_through_frames_not_bands(name: str) -> None:
    model = build_network(name, (12, 29), 6)

    first_kernel = model.trainable_variables[0]

    assert first_kernel.shape[0] == 12


@pytest.mark.keras
def test_the_combined_network_reads_one_matrix_in_both_parts() -> None:
    model = build_network("combined", (12, 29), 6)

    assert model.input_shape == (None, 12, 29)
    assert model.output_shape == (None, 6)


@pytest.mark.keras
@pytest.mark.parametrize("name", ["cnn", "combined", "cnn_4_8"])
@pytest.mark.parametrize("input_shape", [(12, 7), (7, 29)])
def test_a_matrix_too_small_to_convolve_is_refused_in_a_sentence(
    name: str, input_shape: tuple[int, int]
) -> None:
    sentence = (
        rf"network {name} needs .* 8 bands × 8 frames; .* {input_shape[0]} × {input_shape[1]}"
    )

    with pytest.raises(ValueError, match=sentence):
        build_network(name, input_shape, 6)


@pytest.mark.keras
@pytest.mark.parametrize("name", ["cnn", "combined"])
def test_the_smallest_matrix_that_can_be_convolved_is_accepted(name: str) -> None:
    assert build_network(name, (8, 8), 2).output_shape == (None, 2)


@pytest.mark.keras
@pytest.mark.parametrize("name", KERNEL_COUNTS)
def test_a_network_of_other_kernels_differs_from_cnn_in_nothing_else(name: str) -> None:
    def layers(network: str) -> list[dict[str, object]]:
        model = build_network(network, (12, 29), 6)
        return [layer.get_config() | {"name": "", "filters": 0} for layer in model.layers]

    model = build_network(name, (12, 29), 6)

    n_kernels = tuple(layer.filters for layer in model.layers if hasattr(layer, "filters"))
    assert n_kernels == KERNEL_COUNTS[name]
    assert layers(name) == layers("cnn")


def test_an_unknown_network_is_refused_with_the_names_of_the_others() -> None:
    with pytest.raises(ValueError, match=r"'transformer'.* dense, rnn_tanh, rnn, gru, lstm, cnn"):
        build_network("transformer", (12, 29), 6)


def test_a_matrix_without_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="12 bands × 0 frames"):
        build_network("dense", (12, 0), 6)


def test_a_single_genre_is_refused() -> None:
    with pytest.raises(ValueError, match="two at least"):
        build_network("dense", (12, 29), 1)


@pytest.mark.parametrize("module", ["networks.registry", "training_rules", "metrics", "voting"])
def test_a_module_that_trains_nothing_does_not_import_keras(module: str) -> None:
    program = (
        f"import sys, genre_core.{module}; print({{'keras', 'tensorflow'}} & {{*sys.modules}})"
    )

    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert shown.stdout == "set()\n"

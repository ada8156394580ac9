"""The networks: their exact sizes, their output, and what they refuse."""

import subprocess
import sys
from typing import Any

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
    ("resnet_small", (12, 29)): 222_446,
    ("resnet_small", (64, 128)): 222_654,
    ("resnet_small", (1, 300)): 222_402,
    ("dense", (12, 299)): 952_454,
    ("cnn", (12, 299)): 1_804_518,
    ("dense", (64, 128)): 2_131_078,
    ("dense", (64, 1290)): 66_694,
    ("cnn", (64, 128)): 248_038,
    ("cnn", (64, 1290)): 248_038,
    ("cnn", (882, 30)): 18_662,
    ("combined", (64, 1290)): 404_070,
    ("rnn", (64, 1290)): 222_726,
}


pytestmark = pytest.mark.keras
PLAIN_CONVOLUTION = {"cnn", "combined", *KERNEL_COUNTS}


def test_every_network_has_a_size_worked_by_hand() -> None:
    assert {name for name, _ in NETWORK_SIZES} == set(NETWORKS)


@pytest.mark.parametrize(("name", "input_shape"), NETWORK_SIZES)
def test_a_network_has_exactly_its_parameters(name: str, input_shape: tuple[int, int]) -> None:
    model = build_network(name, input_shape, 6)

    assert model.count_params() == NETWORK_SIZES[name, input_shape]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_reads_thirty_seconds_of_mel_bands(name: str) -> None:
    matrices = np.random.default_rng(0).random((1, 64, 1290), dtype=np.float32)

    model = build_network(name, (64, 1290), 4)

    assert model.count_params() < 1_100_000  # of the most kernels
    np.testing.assert_allclose(np.asarray(model(matrices)).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", sorted({*NETWORKS} - PLAIN_CONVOLUTION))
def test_a_network_without_plain_convolution_reads_one_band(name: str) -> None:
    assert build_network(name, (1, 3000), 4).output_shape == (None, 4)


@pytest.mark.parametrize(
    ("n_frames", "n_read"), [(299, 299), (300, 300), (301, 150), (1290, 258), (3000, 300)]
)
def test_neighbouring_frames_are_averaged_to_three_hundred_at_most(
    n_frames: int, n_read: int
) -> None:
    import keras

    from genre_core.networks.thesis import limit_frames

    matrices = np.random.default_rng(0).random((2, 3, n_frames), dtype=np.float32)
    matrix = keras.Input((3, n_frames))
    n_together = n_frames // n_read

    read = np.asarray(keras.Model(matrix, limit_frames(matrix))(matrices))

    assert read.shape == (2, 3, n_read)
    np.testing.assert_allclose(
        read[:, :, 1], matrices[:, :, n_together : 2 * n_together].mean(2), rtol=1e-5
    )


def test_pooling_over_time_keeps_the_mean_and_the_maximum_of_each_band() -> None:
    import keras

    from genre_core.networks.thesis import flatten_or_pool

    features = np.random.default_rng(0).random((2, 29, 62, 32), dtype=np.float32)
    kernels = keras.Input((29, 62, 32))

    row = np.asarray(keras.Model(kernels, flatten_or_pool(kernels, 128))(features))

    both = row.reshape(2, 29, 64)
    np.testing.assert_allclose(both[..., :32], features.mean(axis=2), rtol=1e-4)
    np.testing.assert_array_equal(both[..., 32:], features.max(axis=2))


@pytest.mark.parametrize("name", ["rnn_tanh", "rnn", "gru", "lstm"])
def test_a_recurrent_network_steps_through_frames_not_bands(name: str) -> None:
    model = build_network(name, (12, 29), 6)

    first_kernel = model.trainable_variables[0]

    assert first_kernel.shape[0] == 12


@pytest.mark.parametrize("name", ["rnn_tanh", "rnn", "combined"])
def test_steps_that_are_written_out_give_what_a_loop_gives(name: str) -> None:
    import keras

    written = build_network(name, (12, 29), 4)
    loop = keras.Model.from_config(_without_unrolling(written.get_config()))
    loop.set_weights(written.get_weights())
    matrices = np.random.default_rng(0).random((5, 12, 29), np.float32)

    assert any(getattr(layer, "unroll", False) for layer in written.layers)
    assert not any(getattr(layer, "unroll", False) for layer in loop.layers)
    np.testing.assert_allclose(written(matrices), loop(matrices), atol=1e-6)


def _without_unrolling(config: dict[str, Any]) -> dict[str, Any]:
    for layer in config["layers"]:
        if "unroll" in layer["config"]:
            layer["config"]["unroll"] = False
    return config


def test_a_long_matrix_is_stepped_through_in_a_loop() -> None:
    layers = build_network("rnn", (12, 299), 4).layers

    assert not any(getattr(layer, "unroll", False) for layer in layers)


@pytest.mark.parametrize("name", ["cnn", "combined"])
def test_the_smallest_matrix_that_can_be_convolved_is_accepted(name: str) -> None:
    assert build_network(name, (8, 8), 2).output_shape == (None, 2)


@pytest.mark.parametrize("name", KERNEL_COUNTS)
def test_a_network_of_other_kernels_differs_from_cnn_in_nothing_else(name: str) -> None:
    def layers(network: str) -> list[dict[str, object]]:
        model = build_network(network, (12, 29), 6)
        return [layer.get_config() | {"name": "", "filters": 0} for layer in model.layers]

    model = build_network(name, (12, 29), 6)

    n_kernels = tuple(layer.filters for layer in model.layers if hasattr(layer, "filters"))
    assert n_kernels == KERNEL_COUNTS[name]
    assert layers(name) == layers("cnn")


@pytest.mark.parametrize(
    ("name", "shape", "n_genres", "sentence"),
    [
        ("transformer", (12, 29), 6, r"'transformer'.* dense, rnn_tanh, rnn, gru, lstm, cnn"),
        ("dense", (12, 0), 6, r"needs .* 1 bands × 1 frames; .* 12 × 0"),
        ("dense", (12, 29), 1, "two genres at least, not 1"),
        ("cnn", (12, 7), 6, r"cnn needs .* 8 bands × 8 frames; .* 12 × 7"),
        ("combined", (7, 29), 6, r"combined needs .* 8 bands × 8 frames; .* 7 × 29"),
        ("cnn_4_8", (12, 7), 6, "cnn_4_8 needs"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused_in_a_sentence(
    name: str, shape: tuple[int, int], n_genres: int, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        build_network(name, shape, n_genres)


@pytest.mark.parametrize(
    "module",
    ["networks.registry", "training.rules", "training.augmentation", "evaluation.metrics"],
)
def test_a_module_that_trains_nothing_does_not_import_keras(module: str) -> None:
    program = (
        f"import sys, genre_core.{module}; print({{'keras', 'tensorflow'}} & {{*sys.modules}})"
    )

    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert shown.stdout == "set()\n"

"""Embeddings of sound by known numbers, from each kind of file, and windows at their rates."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from onnx import helper

from genre_core.errors import GenreflowError
from genre_core.examples import Float32Array
from genre_core.representations.embeddings import Embedding
from storage.embeddings.config import EmbeddingConfig
from storage.embeddings.embedder import Model, load_embedder, require_rate, resample_windows
from storage.embeddings.registry import find_model
from tests.storage.embeddings.made_models import MEAN_AND_LEVEL, TAGS, write_onnx

LABELS = ("up", "loud", "quiet")


def model_of(file: Path, **changed: Any) -> Model:  # noqa: ANN401
    settings = {"sample_rate": 16_000, "window_s": 0.1, "licence": "CC0", **changed}
    return find_model("mine", {"mine": EmbeddingConfig(file=file, **settings)})


def steady(*levels: float) -> Float32Array:
    """Fragments of 0.2 s that hold one value each."""
    return np.repeat(np.array(levels, np.float32)[:, None], 8_820, axis=1)


@pytest.mark.parametrize(
    ("changed", "expected", "n_features"),
    [
        ({"output": ("features", "tags"), "labels": LABELS}, [0.5, 0.5, 1.0, 1.5, -2.0], 2),
        (
            {"output": ("features", 2), "labels": LABELS, "probabilities": True},
            [0.5, 0.5, 1.0, 1.5, -2.0],
            2,
        ),
        ({"output": "tags", "labels": LABELS}, [1.0, 1.5, -2.0, 1.0, 1.5, -2.0], 3),
        ({"output": ("tags", "features")}, [1.0, 1.5, -2.0, 0.5, 0.5], 5),
    ],
)
def test_values_are_the_joined_features_then_the_logits_of_the_tags(
    made_onnx: Path, changed: dict[str, Any], expected: list[float], n_features: int
) -> None:
    model = model_of(made_onnx, **changed)

    values = load_embedder(model)(steady(0.5, -0.25))

    np.testing.assert_allclose(values[0], expected, atol=1e-4)
    assert (values.dtype, values.shape) == (np.float32, (2, model.embedding.n_values))
    tags = tuple(f"mine: {label}" for label in changed.get("labels", ()))
    assert (model.embedding.n_features, model.embedding.tags) == (n_features, tags)


def test_probabilities_of_0_and_1_become_finite_logits(tmp_path: Path) -> None:
    nodes = (*MEAN_AND_LEVEL, helper.make_node("Clip", ["features", "zero"], ["scores"]))
    file = write_onnx(tmp_path / "m.onnx", nodes, {"scores": ("batch", 2)})
    model = model_of(file, labels=("up", "loud"), probabilities=True)

    values = load_embedder(model)(steady(-0.5, 0.0))

    np.testing.assert_allclose(values[:, 2], [-9.21024, -9.21024], atol=1e-4)  # log(1e-4 / 0.9999)


@pytest.mark.parametrize(
    ("wave", "features"),
    [((1, 1600), (1, 2)), ((1600,), (2,)), (("samples",), ("values",)), ((1, "samples"), (1, 2))],
)
def test_a_model_of_one_window_is_run_window_by_window(
    tmp_path: Path, wave: tuple[int | str, ...], features: tuple[int | str, ...]
) -> None:
    file = write_onnx(tmp_path / "m.onnx", MEAN_AND_LEVEL, {"features": features}, {"wave": wave})

    values = load_embedder(model_of(file))(steady(0.5, -0.25, 0.125))

    np.testing.assert_allclose(values, [[0.5, 0.5], [-0.25, 0.25], [0.125, 0.125]], atol=1e-4)


@pytest.mark.parametrize(("wave", "rows"), [((1600,), [4, 400]), (("batch", 1600), [-1, 4, 400])])
def test_frames_are_averaged(tmp_path: Path, wave: tuple[int | str, ...], rows: list[int]) -> None:
    nodes = (
        helper.make_node("Reshape", ["wave", "rows"], ["framed"]),
        helper.make_node("ReduceMax", ["framed", "last"], ["features"], keepdims=1),
    )
    file = write_onnx(
        tmp_path / "m.onnx",
        nodes,
        {"features": ["batch" if n == -1 else n for n in (*rows[:-1], 1)]},
        {"wave": wave},
        constants={"rows": np.array(rows, np.int64)},
    )
    # of 8820 samples the model reads 1600 from 2205 on, in four frames of 400
    model = model_of(file, sample_rate=44_100, window_s=1600 / 44_100)
    half = np.where(np.arange(8_820) < 2_205 + 800, 0.0, 0.8).astype(np.float32)
    silent = np.where(np.arange(8_820) < 4_410, 0.0, 0.8).astype(np.float32)

    values = load_embedder(model)(np.stack([half, silent]))

    np.testing.assert_allclose(values, [[0.4], [0.0]], atol=1e-6)


def test_many_windows_are_run_a_few_at_a_time_and_stay_in_order(made_onnx: Path) -> None:
    levels = np.linspace(-0.9, 0.9, 75)
    embed = load_embedder(model_of(made_onnx))

    np.testing.assert_allclose(embed(steady(*levels))[:, 0], levels, atol=1e-4)
    assert embed(steady()).shape == (0, 2)


def test_values_that_are_not_finite_on_real_sound_stop_the_run(tmp_path: Path) -> None:
    nodes = (*MEAN_AND_LEVEL[:1], helper.make_node("Div", ["mean", "edge"], ["quotient"]))
    cut = helper.make_node("Where", ["far", "quotient", "mean"], ["features"])
    far = helper.make_node("Greater", ["mean", "limit"], ["far"])
    constants = {"edge": np.array(0, np.float32), "limit": np.array(0.6, np.float32)}
    file = write_onnx(
        tmp_path / "m.onnx", (*nodes, far, cut), {"features": ("batch", 1)}, constants=constants
    )

    with pytest.raises(GenreflowError, match=r"mine gave values that are not finite .*m\.onnx"):
        load_embedder(model_of(file))(steady(0.7))


def test_a_file_that_was_replaced_during_the_run_is_noticed(made_onnx: Path) -> None:
    model = model_of(made_onnx)
    write_onnx(made_onnx, (*MEAN_AND_LEVEL, *TAGS[:1]), {"tags": ("batch", 3)})

    with pytest.raises(GenreflowError, match="gave 3 values a window; embedding mine has 2"):
        load_embedder(model)(steady(0.5))


@pytest.mark.keras
def test_keras_and_litert_files_give_what_the_network_gives(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(7)
    wave = keras.Input((1600,))
    framed = keras.layers.Reshape((10, 160))(wave)
    frames = keras.layers.Dense(6, activation="tanh", name="frames")(framed)
    pooled = keras.layers.GlobalMaxPooling1D(name="pooled")(frames)
    tags = keras.layers.Dense(3, name="tags")(pooled)
    network = keras.Model(wave, [frames, pooled, tags])
    network.save(tmp_path / "m.keras")
    network.export(tmp_path / "m.tflite", format="litert", verbose=False)
    fragments = np.random.default_rng(1).uniform(-1, 1, (3, 8_820)).astype(np.float32)

    windows = np.stack([fragment[2205 : 2205 + 1600] for fragment in fragments])
    rate = {"sample_rate": 44_100, "window_s": 1600 / 44_100, "labels": LABELS}
    by_name = model_of(tmp_path / "m.keras", output=("pooled", "tags"), **rate)
    by_place = model_of(tmp_path / "m.tflite", output=(1, 2), **rate)
    by_signature = model_of(tmp_path / "m.tflite", output=("output_1", "output_2"), **rate)

    expected = np.concatenate([array.numpy() for array in network(windows)[1:]], axis=1)
    assert expected.shape == (3, 9)
    for model in (by_name, by_place, by_signature):
        np.testing.assert_allclose(load_embedder(model)(fragments), expected, atol=1e-5)


CONTEXT = 2205


def embedding_at(sample_rate: int, window_s: float = 0.5) -> Embedding:
    lengths_s = {"window_s": window_s, "hop_s": window_s}
    return Embedding(name="mine", digest="", sample_rate=sample_rate, n_features=1, **lengths_s)


def made_song(seconds: float = 3.0) -> Float32Array:
    return np.random.default_rng(5).uniform(-1, 1, round(seconds * 44_100)).astype(np.float32)


def fragment_of(song: Float32Array, start_s: float, window_s: float = 0.5) -> Float32Array:
    start, n_samples = round(start_s * 44_100), round(window_s * 44_100)
    return song[None, start - CONTEXT : start + n_samples + CONTEXT]


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 16_000, 22_050, 32_000, 48_000])
def test_a_window_is_the_same_segment_of_the_full_song_resampled(sample_rate: int) -> None:
    song = made_song()
    whole = soxr.resample(song, 44_100, sample_rate, quality="HQ")

    windows = resample_windows(fragment_of(song, 1.2), embedding_at(sample_rate))

    start, n_samples = round(1.2 * sample_rate), round(0.5 * sample_rate)
    assert windows.shape == (1, n_samples)
    np.testing.assert_allclose(windows[0], whole[start : start + n_samples], atol=2e-5)


def test_a_model_at_44_100_hz_gets_the_sound_as_it_is() -> None:
    song = made_song()

    windows = resample_windows(fragment_of(song, 1.0), embedding_at(44_100))

    np.testing.assert_array_equal(windows[0], song[44_100 : 44_100 + 22_050])


def test_a_window_does_not_depend_on_those_beside_it_and_is_exact_in_length() -> None:
    song, embedding = made_song(), embedding_at(16_000, 0.975)
    fragments = np.concatenate([fragment_of(song, s, 0.975) for s in (0.5, 1.7)])

    together = resample_windows(fragments, embedding)

    np.testing.assert_array_equal(together[1:], resample_windows(fragments[1:], embedding))
    assert together.shape == (2, 15_600)


@pytest.mark.parametrize("sample_rate", [0, -16_000, 800, 16_001, 44_101])
def test_a_rate_that_never_meets_44_100_hz_within_10_ms_is_refused(sample_rate: int) -> None:
    with pytest.raises(ValueError, match=f"sample_rate is {sample_rate}"):
        require_rate(sample_rate)

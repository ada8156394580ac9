"""Augmentation: what changes, what stays, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from genre_core.training.augmentation import (
    AugmentationConfig,
    augment_batch,
    filter_bands,
    mask_matrices,
    mix_examples,
    require_decibels,
)

EVERYTHING = AugmentationConfig(band_mask=0.3, frame_mask=0.3, mixup=0.4, tilt=0.2, low_pass=0.5)


def noise(n_examples: int = 40, n_bands: int = 10, n_frames: int = 20) -> Float32Array:
    matrices = np.random.default_rng(1).random((n_examples, n_bands, n_frames), dtype=np.float32)
    matrices[:, 0, 0], matrices[:, 1, 0] = 0, 1
    return matrices


def targets(n_examples: int = 40, n_genres: int = 4) -> Float32Array:
    return np.eye(n_genres, dtype=np.float32)[np.arange(n_examples) % n_genres]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_same_seed_gives_the_same_batch_and_another_seed_another() -> None:
    once, again, other = (
        augment_batch(noise(), targets(), EVERYTHING, rng(seed))[0] for seed in (3, 3, 4)
    )

    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1_000))
def test_a_changed_batch_keeps_its_shape_type_and_range(seed: int) -> None:
    matrices, genres = augment_batch(noise(), targets(), EVERYTHING, rng(seed))

    assert (matrices.dtype, genres.dtype) == (np.float32, np.float32)
    assert (matrices.shape, genres.shape) == ((40, 10, 20), (40, 4))
    assert 0 <= matrices.min() <= matrices.max() <= 1 + 1e-6
    np.testing.assert_allclose(genres.sum(axis=1), 1, rtol=1e-5)


def test_a_mask_hides_whole_bands_behind_the_mean_and_leaves_the_rest() -> None:
    config = AugmentationConfig(band_mask=0.3, n_masks=1)

    masked = mask_matrices(noise(), config, rng())

    hidden = (masked == noise().mean(axis=(1, 2), keepdims=True)).all(axis=2)  # (40, 10)
    np.testing.assert_array_equal(masked[~hidden], noise()[~hidden])
    assert set(hidden.sum(axis=1)) == {0, 1, 2, 3}
    assert hidden.any(axis=0).all()


def test_frames_are_masked_apart_from_bands() -> None:
    config = AugmentationConfig(frame_mask=0.25, n_masks=2)

    masked = mask_matrices(noise(), config, rng())

    hidden = (masked == noise().mean(axis=(1, 2), keepdims=True)).all(axis=1)  # (40, 20)
    np.testing.assert_array_equal(masked.swapaxes(1, 2)[~hidden], noise().swapaxes(1, 2)[~hidden])
    assert 5 < hidden.sum(axis=1).max() <= 10


def test_the_only_band_of_an_envelope_is_never_hidden() -> None:
    envelope = noise(n_bands=2)[:, :1]

    masked = mask_matrices(envelope, AugmentationConfig(band_mask=0.5), rng())

    np.testing.assert_array_equal(masked, envelope)


def test_mixup_mixes_matrix_and_target_by_the_same_share() -> None:
    ones = np.repeat(np.array([0, 1], np.float32), 20)
    matrices = np.tile(ones[:, None, None], (1, 2, 3))
    genres = np.stack([1 - ones, ones], axis=1)

    mixed, mixed_genres = mix_examples(matrices, genres, 1.0, rng())

    np.testing.assert_allclose(mixed, np.tile(mixed_genres[:, 1, None, None], (1, 2, 3)), atol=1e-6)
    assert ((mixed_genres > 0.05) & (mixed_genres < 0.95)).all(axis=1).sum() > 10


def test_the_shares_of_mixup_spread_as_its_distribution_says() -> None:
    genres = np.repeat(np.eye(2, dtype=np.float32), 4_000, axis=0)

    _, mixed = mix_examples(np.zeros((8_000, 1, 1), np.float32), genres, 0.5, rng())

    halves = mixed[mixed[:, 0] % 1 > 0, 0]
    assert halves.mean() == pytest.approx(0.5, abs=0.03)
    assert halves.var() == pytest.approx(1 / (4 * (2 * 0.5 + 1)), abs=0.01)


def test_a_low_pass_lowers_the_upper_bands_by_one_amount_and_leaves_the_lower_ones() -> None:
    matrices = np.full((50, 10, 4), 0.5, np.float32)
    matrices[:, 0, 0], matrices[:, 0, 1] = 0, 1
    config = AugmentationConfig(low_pass=0.4)

    filtered = filter_bands(matrices, config, rng())

    np.testing.assert_array_equal(filtered[:, :6], matrices[:, :6])
    lowered = filtered[:, :, 2] < 0.5  # (50, 10)
    assert set(lowered.sum(axis=1)) == {0, 1, 2, 3, 4}
    assert (np.diff(lowered.astype(int), axis=1) >= 0).all()
    assert all(
        len(set(band[low])) <= 1 for band, low in zip(filtered[:, :, 2], lowered, strict=True)
    )


def test_a_tilt_raises_one_end_as_much_as_it_lowers_the_other() -> None:
    matrices = np.full((30, 11, 3), 0.5, np.float32)
    matrices[:, 5, 0], matrices[:, 5, 1] = 0, 1

    filtered = filter_bands(matrices, AugmentationConfig(tilt=0.3), rng())

    rise = filtered[:, 10, 2] - filtered[:, 0, 2]
    np.testing.assert_allclose(filtered[:, 5], matrices[:, 5], atol=1e-6)
    np.testing.assert_allclose(filtered[:, 0, 2] + filtered[:, 10, 2], 1, atol=1e-5)
    assert rise.min() < -0.1
    assert rise.max() > 0.1
    assert np.abs(rise).max() <= 0.3 * 10 / 11 + 1e-6


def test_only_what_is_set_is_told() -> None:
    assert AugmentationConfig().as_document() == {}
    assert AugmentationConfig(mixup=0.2).as_document() == {"mixup": 0.2}
    assert AugmentationConfig(frame_mask=0.1).as_document() == {"frame_mask": 0.1, "n_masks": 2}


@pytest.mark.parametrize("name", ["tilt", "low_pass"])
def test_a_filter_is_refused_where_bands_are_not_in_decibels(name: str) -> None:
    config = AugmentationConfig(**{name: 0.1})

    with pytest.raises(UsageError, match=rf"augmentation\.{name} .* thesis is not"):
        require_decibels(config, "thesis", is_decibel=False)
    require_decibels(config, "logmel", is_decibel=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("band_mask", 1.1), ("frame_mask", -0.1), ("tilt", float("nan")), ("low_pass", 2.0),
     ("mixup", -1.0), ("mixup", float("inf")), ("n_masks", 0)],
)  # fmt: skip
def test_a_strength_without_sense_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"training\.augmentation\.{name}"):
        AugmentationConfig(**{name: value})

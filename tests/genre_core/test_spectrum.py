"""Power spectra against the sum that thesis section 2.3.1 defines (tests/golden/README.md)."""

import cmath

import numpy as np
import pytest

from genre_core.examples import Float32Array
from genre_core.representations.spectrum import count_frames, power_frames

FRAME_SAMPLES = 8_820


def noise(n_samples: int) -> Float32Array:
    return np.random.default_rng(7).uniform(-1, 1, (1, n_samples)).astype(np.float32)


def power_by_definition(frame: Float32Array, k: int) -> float:
    """Write the transform out: ``D_k = sum of z_j exp(-2 pi i j k / N)``."""
    n = len(frame)
    turns = ((j * k) % n for j in range(n))
    terms = (
        float(z) * cmath.exp(-2j * cmath.pi * turn / n)
        for z, turn in zip(frame, turns, strict=True)
    )
    return abs(sum(terms)) ** 2


@pytest.mark.parametrize("k", [0, 1, 88, 2_205, 4_409, 4_410])
def test_the_power_of_a_bin_is_that_of_the_sum_written_out(k: int) -> None:
    fragments = noise(2 * FRAME_SAMPLES)

    powers = power_frames(fragments)

    middle = fragments[0, 4_410 : 4_410 + FRAME_SAMPLES]
    assert powers[0, 1, k] == pytest.approx(power_by_definition(middle, k), rel=1e-3)


def test_a_sine_on_a_bin_has_half_its_amplitude_times_the_samples_squared() -> None:
    time_s = np.arange(3 * 44_100) / 44_100
    sine = (0.5 * np.sin(2 * np.pi * 440 * time_s)).astype(np.float32)

    powers = power_frames(sine[np.newaxis])

    np.testing.assert_allclose(powers[0, :, 88], np.full(29, 2_205.0**2), rtol=1e-5)
    assert np.delete(powers, 88, axis=-1).max() < 1.0


def test_frames_start_every_hundred_milliseconds_and_last_two_hundred() -> None:
    click = np.zeros((1, 3 * 4_410 + 8_820), dtype=np.float32)
    click[0, 5_000] = 2.0

    powers = power_frames(click)

    np.testing.assert_allclose(powers[0, 0], np.full(4_411, 4.0), rtol=1e-5)
    np.testing.assert_allclose(powers[0, 1], np.full(4_411, 4.0), rtol=1e-5)
    np.testing.assert_array_equal(powers[0, 2:], np.zeros((2, 4_411)))


def test_frames_are_not_tapered_at_their_ends() -> None:
    click = np.zeros((1, 8_820), dtype=np.float32)
    click[0, 0] = 1.0

    np.testing.assert_allclose(power_frames(click), np.ones((1, 1, 4_411)), rtol=1e-6)


def test_each_fragment_has_its_own_frames() -> None:
    fragments = np.concatenate([noise(13_230), np.zeros((1, 13_230), np.float32)])

    powers = power_frames(fragments)

    assert powers.shape == (2, 2, 4_411)
    assert powers.dtype == np.float32
    np.testing.assert_array_equal(powers[0], power_frames(fragments[:1])[0])
    assert not powers[1].any()


@pytest.mark.parametrize(
    ("fragment_s", "n_frames"),
    [(3.0, 29), (2.5, 24), (2.0, 19), (1.5, 14), (1.0, 9), (0.2, 1), (0.19, 0), (30.0, 299)],
)
def test_a_fragment_has_as_many_frames_as_fit(fragment_s: float, n_frames: int) -> None:
    assert count_frames(fragment_s) == n_frames


def test_a_frame_for_each_that_is_counted() -> None:
    assert power_frames(noise(44_100)).shape[1] == 9


def test_a_fragment_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.1 s is shorter than a frame of 200 ms"):
        power_frames(noise(4_410))

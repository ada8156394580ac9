"""Mixing down: the mean of the channels, the same bits however they lie in memory."""

import numpy as np
import pytest

from storage.audio.resample import mix_down


@pytest.mark.parametrize("n_channels", [1, 2, 3, 6, 7])
def test_the_mix_is_the_sum_of_the_channels_in_their_order_divided_by_their_number(
    n_channels: int,
) -> None:
    woven = np.random.default_rng(0).uniform(-1, 1, (5_000, n_channels)).astype(np.float32)

    mixed = mix_down(woven.T)

    in_order = np.add.accumulate(woven, axis=1)[:, -1] / np.float32(n_channels)
    np.testing.assert_array_equal(mixed, in_order)


@pytest.mark.parametrize("n_channels", [1, 2, 7])
def test_the_mix_keeps_the_bits_of_numpy_s_mean_of_woven_channels(n_channels: int) -> None:
    woven = np.random.default_rng(1).uniform(-1, 1, (5_000, n_channels)).astype(np.float32)

    np.testing.assert_array_equal(mix_down(woven.T), woven.T.mean(axis=0))

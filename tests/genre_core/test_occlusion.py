"""Occlusion: a network that reads one band, and losses worked by hand."""

import numpy as np
import pytest

from genre_core.examples import Float32Array
from genre_core.studies.occlusion import Mask, mask_for, occlusion_map, replacement_losses

MATRIX = np.arange(1, 13, dtype=np.float32).reshape(3, 4) / 12


def second_band(matrices: Float32Array) -> Float32Array:
    """Read the second band alone: its mean is the probability of genre 0."""
    share = matrices[:, 1].mean(axis=1)
    return np.stack([share, 1 - share], axis=1)


@pytest.mark.parametrize(
    ("mask", "genre", "losses"),
    [
        # occluding one value of the band takes a quarter of it from the mean, or adds it
        (Mask(n_bands=1, n_frames=1), 0, [[0] * 4, [5 / 48, 6 / 48, 7 / 48, 8 / 48], [0] * 4]),
        (Mask(n_bands=1, n_frames=1), 1, [[0] * 4, [-5 / 48, -6 / 48, -7 / 48, -8 / 48], [0] * 4]),
        # a place gets the mean of the masks that cover it: the second band lies in all of them,
        # frames 0-2 cost (5 + 6 + 7) / 48, frames 1-3 cost 21 / 48
        (Mask(n_bands=2, n_frames=3), 0, [[18 / 48, 19.5 / 48, 19.5 / 48, 21 / 48]] * 3),
        # the last mask ends with the matrix though the step does not fit
        (
            Mask(n_bands=3, n_frames=3, frame_step=3),
            0,
            [[18 / 48, 19.5 / 48, 19.5 / 48, 21 / 48]] * 3,
        ),
    ],
)
def test_a_place_loses_what_the_masks_over_it_take(
    mask: Mask, genre: int, losses: list[list[float]]
) -> None:
    np.testing.assert_allclose(occlusion_map(second_band, MATRIX, genre, mask), losses, atol=1e-6)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"n_bands": 4, "n_frames": 1}, r"4 bands × 1 frames does not fit .* 3 × 4"),
        ({"n_bands": 1, "n_frames": 1, "band_step": 0}, "1 or more"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        occlusion_map(second_band, MATRIX, 0, Mask(**sizes))


@pytest.mark.parametrize("shape", [(1, 1), (12, 9), (12, 29), (64, 1300), (1, 300)])
def test_any_matrix_gets_a_mask_that_fits_at_a_few_hundred_places(shape: tuple[int, int]) -> None:
    mask = mask_for(*shape)

    n_bands = (shape[0] - mask.n_bands) // mask.band_step + 2
    n_frames = (shape[1] - mask.n_frames) // mask.frame_step + 2
    assert mask.n_bands <= shape[0]
    assert mask.n_frames <= shape[1]
    assert n_bands * n_frames < 500


def test_values_are_replaced_by_usual_ones_group_by_group() -> None:
    weights = np.array([0.5, 0.25, -0.25], np.float32)

    def predict(rows: Float32Array) -> Float32Array:
        first = rows[:, :, 0] @ weights
        return np.stack([first, 1 - first], axis=1)

    values, usual = np.array([1, 1, 0], np.float32), np.array([0, 1, 1], np.float32)
    losses = replacement_losses(predict, values, usual, [[0], [1], [0, 2]], genre=0)
    # 0.75 with its own values: 0.25 without the first, the second is usual, -0.25 + 0.25 = 0
    assert losses.tolist() == [0.5, 0.0, 0.75]

"""Which bands and moments a prediction rests on: parts of a matrix are set to silence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import Float64Array
from genre_core.examples import Float32Array

Predict = Callable[[Float32Array], Float32Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """A rectangle that is slid over a matrix, in bands and frames, and the steps of the slide."""

    n_bands: int
    n_frames: int
    band_step: int = 1
    frame_step: int = 1

    def __post_init__(self) -> None:
        if min(self.n_bands, self.n_frames, self.band_step, self.frame_step) < 1:
            raise ValueError(f"a mask and its steps must be 1 or more: {self}")


def mask_for(n_bands: int, n_frames: int) -> Mask:
    """Return a mask of a sixth of the bands and a tenth of the frames, slid by half of itself.

    2 bands × 3 frames (0.4 s) for the matrix of the thesis; a few hundred places for any matrix.
    """
    height, width = max(1, round(n_bands / 6)), max(1, round(n_frames / 10))
    steps = max(1, height // 2), max(1, width // 2)
    return Mask(n_bands=height, n_frames=width, band_step=steps[0], frame_step=steps[1])


def occlusion_map(predict: Predict, matrix: Float32Array, genre: int, mask: Mask) -> Float64Array:
    """Return how much probability of a genre a matrix loses where it is occluded.

    ``predict`` maps float32 (n, n_bands, n_frames) to probabilities (n, n_genres). The matrix,
    (n_bands, n_frames), is scaled into 0..1: 0 is its quietest value, silence in its own terms.
    The result has its shape: the mean loss over the masks that cover a place, below 0 where the
    place is evidence against the genre. What decides by being absent cannot be found so.
    ValueError if the mask is larger than the matrix.

    Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV 2014, who lay a
    grey square over an image.
    """
    if mask.n_bands > matrix.shape[0] or mask.n_frames > matrix.shape[1]:
        raise ValueError(
            f"a mask of {mask.n_bands} bands × {mask.n_frames} frames does not fit into a matrix "
            f"of {matrix.shape[0]} × {matrix.shape[1]}; use a smaller one."
        )
    covers = _covers(matrix.shape, mask)
    occluded = np.where(covers, np.float32(0), matrix)
    losses = predict(matrix[np.newaxis])[0, genre] - predict(occluded)[:, genre]
    weights = covers.reshape(len(covers), -1).astype(np.float64)
    return (losses @ weights / weights.sum(axis=0)).reshape(matrix.shape)


def _covers(shape: tuple[int, ...], mask: Mask) -> npt.NDArray[np.bool_]:
    """Return what each place of the mask covers, bool (n_places, n_bands, n_frames)."""
    bands = _starts(shape[0], mask.n_bands, mask.band_step)
    frames = _starts(shape[1], mask.n_frames, mask.frame_step)
    covers = np.zeros((len(bands) * len(frames), *shape), bool)
    for place, (band, frame) in enumerate(product(bands, frames)):
        covers[place, band : band + mask.n_bands, frame : frame + mask.n_frames] = True
    return covers


def _starts(length: int, side: int, step: int) -> list[int]:
    """Return where a mask starts along one axis; the last one ends with the matrix."""
    last = length - side
    return sorted({*range(0, last + 1, step), last})


def replacement_losses(
    predict: Predict,
    values: Float32Array,
    usual: Float32Array,
    groups: Sequence[Sequence[int]],
    genre: int,
) -> Float64Array:
    """Return how much probability of a genre a song loses where some of its values are usual ones.

    ``values`` are those of its embedding, ``usual`` what is put in their place, each (n_values,);
    a group has the places that are replaced together. Below 0 where they speak against the genre.
    """
    rows = np.tile(values, (1 + len(groups), 1))
    for row, places in zip(rows[1:], groups, strict=True):
        row[list(places)] = usual[list(places)]
    found = predict(rows[:, :, np.newaxis].astype(np.float32))[:, genre].astype(np.float64)
    return found[0] - found[1:]

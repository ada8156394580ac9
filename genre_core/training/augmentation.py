"""Augmentation of training examples: what may change in a matrix without changing its genre.

Nothing here imports Keras; `training` applies it to each batch, anew in each epoch.
"""

from dataclasses import dataclass, fields
from math import isfinite

import numpy as np
import numpy.typing as npt

from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from genre_core.representations.spectrum import scale_matrices

FILTERS = ("tilt", "low_pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentationConfig:
    """What is done to training examples; every strength is 0 unless it is set: nothing is done.

    ``band_mask`` and ``frame_mask`` are the largest part of the bands and frames that one of
    ``n_masks`` masks hides behind the mean of its matrix (Park et al., *SpecAugment*, 2019).
    ``mixup`` is the alpha of the Beta distribution of the share of another example of the batch
    (Zhang et al., *mixup*, 2018). ``tilt`` is the largest gain of the highest band against the
    lowest, in parts of the range of a matrix in decibels: 0.1 is 8 dB where it spans 80 dB.
    ``low_pass`` is the largest part of the bands, from the highest down, that are lowered by a
    random amount.
    """

    band_mask: float = 0.0
    frame_mask: float = 0.0
    n_masks: int = 2
    mixup: float = 0.0
    tilt: float = 0.0
    low_pass: float = 0.0

    def __post_init__(self) -> None:
        for name in ("band_mask", "frame_mask", "tilt", "low_pass"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"training.augmentation.{name} is {getattr(self, name)}; use 0 to 1."
                )
        if not (isfinite(self.mixup) and self.mixup >= 0):
            raise ValueError(f"training.augmentation.mixup is {self.mixup}; use 0 or more.")
        if self.n_masks < 1:
            raise ValueError(f"training.augmentation.n_masks is {self.n_masks}; use 1 or more.")

    def as_document(self) -> dict[str, float]:
        """Return the strengths that are set, by name; empty if none is."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        if not (self.band_mask or self.frame_mask):
            del values["n_masks"]
        return {name: value for name, value in values.items() if value}


def require_decibels(config: AugmentationConfig, representation: str, is_decibel: bool) -> None:
    """Raise a ``UsageError`` if the representation cannot undergo a filter that is set."""
    wanted = [name for name in FILTERS if getattr(config, name)]
    if wanted and not is_decibel:
        raise UsageError(
            f"training.augmentation.{wanted[0]} shifts bands, which is a filter only in decibels; "
            f"{representation} is not. Set it to 0, or use logmel or bands_db."
        )


def augment_batch(
    matrices: Float32Array,
    targets: Float32Array,
    config: AugmentationConfig,
    rng: np.random.Generator,
) -> tuple[Float32Array, Float32Array]:
    """Change a batch of examples at random: filters, then masks, then mixup.

    Matrices are (n_examples, n_bands, n_frames) within 0..1; targets, (n_examples, n_genres), sum
    to 1 in each row.
    """
    if config.tilt or config.low_pass:
        matrices = filter_bands(matrices, config, rng)
    if config.band_mask or config.frame_mask:
        matrices = mask_matrices(matrices, config, rng)
    if config.mixup:
        return mix_examples(matrices, targets, config.mixup, rng)
    return matrices, targets


def filter_bands(
    matrices: Float32Array, config: AugmentationConfig, rng: np.random.Generator
) -> Float32Array:
    """Tilt the bands of each matrix and lower the upper ones, then scale into 0..1 again.

    What sinks below the floor stays there, as it would in the representation.
    """
    n_examples, n_bands, _ = matrices.shape
    heights = (np.arange(n_bands) + 0.5) / n_bands  # (n_bands,), the highest band close to 1
    tilts = rng.uniform(-config.tilt, config.tilt, (n_examples, 1))
    cuts = 1 - rng.uniform(0, config.low_pass, (n_examples, 1))
    depths = rng.uniform(0, 1, (n_examples, 1))
    offsets = tilts * (heights - 0.5) - depths * (heights > cuts)
    shifted = matrices + offsets[:, :, np.newaxis].astype(np.float32)
    return scale_matrices(np.maximum(shifted, np.float32(0)))


def mask_matrices(
    matrices: Float32Array, config: AugmentationConfig, rng: np.random.Generator
) -> Float32Array:
    """Hide some bands and some frames of each matrix behind its mean."""
    n_examples, n_bands, n_frames = matrices.shape
    bands = _draw_masks((n_examples, n_bands), config.band_mask, config.n_masks, rng)
    frames = _draw_masks((n_examples, n_frames), config.frame_mask, config.n_masks, rng)
    hidden = bands[:, :, np.newaxis] | frames[:, np.newaxis, :]
    return np.where(hidden, matrices.mean(axis=(1, 2), keepdims=True), matrices)


def mix_examples(
    matrices: Float32Array, targets: Float32Array, alpha: float, rng: np.random.Generator
) -> tuple[Float32Array, Float32Array]:
    """Mix each example with another of the batch, matrix and target by the same share."""
    others = rng.permutation(len(matrices))
    shares = rng.beta(alpha, alpha, len(matrices)).astype(np.float32)
    return (
        _mix(matrices, matrices[others], shares[:, np.newaxis, np.newaxis]),
        _mix(targets, targets[others], shares[:, np.newaxis]),
    )


def _mix(values: Float32Array, others: Float32Array, shares: Float32Array) -> Float32Array:
    return shares * values + (1 - shares) * others


def _draw_masks(
    shape: tuple[int, int], part: float, n_masks: int, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Draw which places of each row are hidden: masks of 0 to ``part`` of its length, anywhere."""
    n_rows, n_places = shape
    widths = rng.integers(0, int(part * n_places), (n_rows, n_masks, 1), endpoint=True)
    starts = rng.integers(0, n_places - widths, endpoint=True)
    places = np.arange(n_places)
    hidden: npt.NDArray[np.bool_] = (places >= starts) & (places < starts + widths)
    return np.logical_or.reduce(hidden, axis=1)

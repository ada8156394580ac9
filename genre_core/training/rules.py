"""The rules of training: when to stop, which epoch was best. Nothing here imports Keras."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite

import numpy as np

from genre_core.errors import GenreflowError
from genre_core.examples import Examples, Float32Array, Int64Array
from genre_core.training.augmentation import AugmentationConfig

FITTING_VERSION = 2
"""Part of the settings of a run: raise it when networks come to be fitted with other bits."""
ROUNDING = 1e-6
"""Scores come in float32: a rise of exactly ``min_rise`` may look a little smaller."""


Learn = Callable[[Examples, Int64Array, Float32Array, int], Float32Array]
"""Trains on examples in an order, int64 (n_epochs, n_drawn) of rows, and returns the probabilities
of the genres for matrices, float32 (n_matrices, n_genres); the number seeds the weights."""


def fixed_order(rows: Int64Array, n_epochs: int, rng: np.random.Generator) -> Int64Array:
    """Put the same examples into an order of their own in each epoch: (n_epochs, n_rows)."""
    return rng.permuted(np.tile(rows, (n_epochs, 1)), axis=1)


class TrainingDiverged(GenreflowError):
    """The loss is no longer a number; another try with the same settings gives the same."""

    code = "training-diverged"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How long and how fast a network is trained (thesis sections 3.1.2 and 4.3).

    Training stops when the validation accuracy has not risen by ``min_rise`` in
    ``patience_epochs``. The learning rate of Adam is multiplied by ``plateau_factor`` when the
    training loss has not fallen by ``plateau_fall`` in ``plateau_epochs``.
    """

    max_epochs: int = 300
    batch_size: int = 32
    learning_rate: float = 0.001
    patience_epochs: int = 50
    min_rise: float = 0.01
    plateau_epochs: int = 5
    plateau_fall: float = 0.0001
    plateau_factor: float = 0.2
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)

    def __post_init__(self) -> None:
        for name in ("max_epochs", "batch_size", "patience_epochs", "plateau_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"training.{name} is {getattr(self, name)}; use 1 or more.")
        if not (isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(
                f"training.learning_rate is {self.learning_rate}; use a number above 0."
            )
        if not 0 < self.plateau_factor < 1:
            raise ValueError(
                f"training.plateau_factor is {self.plateau_factor}; use one between 0 and 1."
            )

    def as_document(self) -> dict[str, int | float]:
        """Return the settings, flat; of the augmentation, only what is set."""
        document = asdict(self)
        del document["augmentation"]
        strengths = self.augmentation.as_document()
        return document | {f"augmentation_{name}": value for name, value in strengths.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochScores:
    """Scores of a network in one epoch; the first is epoch 1.

    ``loss`` and ``accuracy`` are means over the epoch, while the weights move; those of the
    validation are taken at its end. ``learning_rate`` is the one used in the epoch.
    """

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float

    def as_points(self) -> dict[str, float]:
        """Return a point of each learning curve, by the name that it is logged under."""
        return {
            "epoch_train_loss": self.loss,
            "epoch_train_accuracy": self.accuracy,
            "epoch_validation_loss": self.validation_loss,
            "epoch_validation_accuracy": self.validation_accuracy,
            "epoch_learning_rate": self.learning_rate,
        }


def best_epoch(scores: Sequence[EpochScores]) -> EpochScores:
    """Return the epoch of highest validation accuracy; of equal ones, that of lowest loss."""
    return max(scores, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss))


def is_stalled(scores: Sequence[EpochScores], config: TrainingConfig) -> bool:
    """Whether the validation accuracy has not risen by ``min_rise`` in ``patience_epochs``."""
    return count_stalled(scores, config) >= config.patience_epochs


def count_stalled(scores: Sequence[EpochScores], config: TrainingConfig) -> int:
    """Return the number of epochs since the validation accuracy has last risen by ``min_rise``.

    The rise is counted from the last epoch that rose so far, as by the callback that the thesis
    names; there a rise of exactly ``min_rise`` was not enough, here it is.
    """
    milestone = scores[0]
    for epoch in scores[1:]:
        rise = epoch.validation_accuracy - milestone.validation_accuracy
        if rise >= config.min_rise - ROUNDING:
            milestone = epoch
    return scores[-1].epoch - milestone.epoch


def describe_progress(scores: Sequence[EpochScores], config: TrainingConfig) -> str:
    """Describe for a progress bar the best epoch so far, and how much patience is used up."""
    best, n_stalled = best_epoch(scores).validation_accuracy, count_stalled(scores, config)
    return f"best {best:.3f}, patience {n_stalled}/{config.patience_epochs}"


def require_finite(scores: EpochScores, network: str) -> None:
    """Raise ``TrainingDiverged`` if a loss of the epoch is not a finite number."""
    if not (isfinite(scores.loss) and isfinite(scores.validation_loss)):
        raise TrainingDiverged(
            f"network {network}, epoch {scores.epoch}: the loss is {scores.loss}, the validation "
            f"loss {scores.validation_loss}. Lower training.learning_rate "
            f"(now {scores.learning_rate:g}), or look for values in the examples that are not "
            "numbers."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NightConfig:
    """When a nightly run trains, for how long, and what its report holds.

    It trains as soon as ``min_new_songs`` came or went since the last training, or
    ``min_new_share`` of its songs (0: no such rule). ``budget_min`` minutes after its start no
    training begins; 0: no limit. With ``excerpts`` the songs of the report that wait for a decision
    can be heard within it.
    """

    min_new_songs: int = 1
    min_new_share: float = 0.0
    budget_min: float = 0.0
    excerpts: bool = False

    def __post_init__(self) -> None:
        if self.min_new_songs < 0:
            raise ValueError(f"night.min_new_songs is {self.min_new_songs}; use 0 or more.")
        if not 0 <= self.min_new_share <= 1:
            raise ValueError(f"night.min_new_share is {self.min_new_share}; use 0 to 1.")
        if not 0 <= self.budget_min < float("inf"):
            raise ValueError(f"night.budget_min is {self.budget_min}; use minutes, or 0 for none.")

    @property
    def budget_s(self) -> float:
        """Seconds after which no training begins; infinite without a limit."""
        return self.budget_min * 60 or float("inf")


def is_enough(config: NightConfig, n_changed: int, n_known: int) -> bool:
    """Whether the songs that came or went since the last training call for another one."""
    by_share = config.min_new_share > 0 and n_changed >= config.min_new_share * n_known
    return n_changed >= config.min_new_songs or (by_share and n_changed > 0)


def explain_rest(config: NightConfig, n_new: int, n_gone: int = 0) -> str:
    """Explain why a nightly run does not train."""
    share = f", or {config.min_new_share:.0%} of the songs" if config.min_new_share else ""
    songs = f"{n_new} new song{'' if n_new == 1 else 's'}"
    gone = f" and {n_gone} gone" if n_gone else ""
    return f"{songs}{gone} since the last training; it begins at {config.min_new_songs}{share}."

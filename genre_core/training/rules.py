"""The rules of training: when to stop, which epoch was best. Nothing here imports Keras."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite

from genre_core.errors import GenreflowError
from genre_core.training.augmentation import AugmentationConfig

ROUNDING = 1e-6
"""Scores come in float32: a rise of exactly ``min_rise`` may look a little smaller."""


class TrainingDiverged(GenreflowError):
    """The loss is no longer a number; another try with the same settings gives the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How long and how fast a network is trained.

    Attributes
    ----------
    max_epochs : int
        Most epochs; the thesis sets no limit.
    batch_size : int
        Examples between two steps of the optimiser, Adam (thesis 3.1.2).
    learning_rate : float
        At the start.
    patience_epochs, min_rise : int, float
        Stop when the validation accuracy has not risen by ``min_rise`` in so many epochs.
    plateau_epochs, plateau_fall, plateau_factor : int, float, float
        Multiply the learning rate by the factor when the training loss has not fallen by
        ``plateau_fall`` in so many epochs.
    augmentation : AugmentationConfig
        What is done to training examples; nothing, as in the thesis, unless it is set.

    Notes
    -----
    Thesis section 4.3.
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
        """Return the settings, flat; of the augmentation, only what is set.

        So a training that was finished before there was any augmentation keeps its name.
        """
        document = asdict(self)
        del document["augmentation"]
        strengths = self.augmentation.as_document()
        return document | {f"augmentation_{name}": value for name, value in strengths.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochScores:
    """How a network did in one epoch; the first is epoch 1.

    ``loss`` and ``accuracy`` are means over the epoch, while the weights move; those of the
    validation are taken at its end. ``learning_rate`` is the one used in the epoch.
    """

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float


def best_epoch(scores: Sequence[EpochScores]) -> EpochScores:
    """Return the epoch of highest validation accuracy; of equal ones, that of lowest loss."""
    return max(scores, key=lambda epoch: (epoch.validation_accuracy, -epoch.validation_loss))


def is_stalled(scores: Sequence[EpochScores], config: TrainingConfig) -> bool:
    """Whether the validation accuracy has not risen by ``min_rise`` in ``patience_epochs``.

    The rise is counted from the last epoch that rose so far, as by the callback that the thesis
    names; there a rise of exactly ``min_rise`` was not enough, here it is.

    Notes
    -----
    Thesis section 4.3.
    """
    milestone = scores[0]
    for epoch in scores[1:]:
        rise = epoch.validation_accuracy - milestone.validation_accuracy
        if rise >= config.min_rise - ROUNDING:
            milestone = epoch
    return scores[-1].epoch - milestone.epoch >= config.patience_epochs


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
    """When a night trains, and for how long.

    Attributes
    ----------
    min_new_songs : int
        Train as soon as so many songs came (or went) since the last training; 0: every night.
    min_new_share : float [0..1]
        Or as soon as so large a part of the songs of the last training came; 0: no such rule.
    budget_min : float
        Minutes after the beginning of the night from which no training begins; 0: no limit.
    """

    min_new_songs: int = 1
    min_new_share: float = 0.0
    budget_min: float = 0.0

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
    """Say whether so many songs that came or went, beside those of the last training, are enough.

    They then ask for another training.
    """
    by_share = config.min_new_share > 0 and n_changed >= config.min_new_share * n_known
    return n_changed >= config.min_new_songs or (by_share and n_changed > 0)


def explain_rest(config: NightConfig, n_new: int, n_gone: int = 0) -> str:
    """Say why a night does not train."""
    share = f", or {config.min_new_share:.0%} of the songs" if config.min_new_share else ""
    songs = f"{n_new} new song{'' if n_new == 1 else 's'}"
    gone = f" and {n_gone} gone" if n_gone else ""
    return f"{songs}{gone} since the last training; it begins at {config.min_new_songs}{share}."

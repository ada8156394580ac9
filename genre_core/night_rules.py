"""The rules of a night: when there is enough that is new to train again."""

from dataclasses import dataclass


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

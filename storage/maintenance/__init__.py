"""Care of a home: integrity, backup, takedown, retention. The settings load no store."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionConfig:
    """The settings ``[keep]``: what ``tidy`` leaves; by default all that can still be used.

    Attributes
    ----------
    snapshots : int
        Keep the newest so many of the unused snapshots; 0: all.
    unpromoted_models : int
        Keep the newest so many models of each network among those that were never promoted and no
        longer can be; -1: all. Parameters, scores and figures of the others stay.
    """

    snapshots: int = 0
    unpromoted_models: int = -1

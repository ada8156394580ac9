"""What house-keeping keeps: settings alone, so that reading them loads no store."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepConfig:
    """What house-keeping leaves; by default all that somebody may still ask for.

    Attributes
    ----------
    snapshots : int
        Of the snapshots that nothing used, the newest so many stay; 0: all.
    unpromoted_models : int
        Of the networks that were never promoted, and no longer can be, the newest so many of each
        kind stay; -1: all. Parameters, scores and figures of the others stay.
    """

    snapshots: int = 0
    unpromoted_models: int = -1

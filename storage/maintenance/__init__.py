"""Care of a home: integrity, backup, takedown, retention. The settings load no store."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionConfig:
    """The settings ``[keep]``: what ``tidy`` leaves; by default all that can still be used.

    ``snapshots`` is the number of unused snapshots to keep, the newest ones; 0: all.
    ``unpromoted_models`` is the number of models to keep of each network among those that can no
    longer be promoted, the newest ones; -1: all. Parameters, scores and figures stay.
    """

    snapshots: int = 0
    unpromoted_models: int = -1

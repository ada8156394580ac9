"""Care of a home: integrity, backup, takedown, retention. The settings load no store."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionConfig:
    """The settings ``[keep]``: what ``tidy`` and ``backup`` leave; by default all that is of use.

    ``snapshots`` is the number of unused snapshots to keep, the newest ones; 0: all.
    ``unpromoted_models`` is the number of models to keep of each network among those that can no
    longer be promoted, the newest ones; -1: all. Parameters, scores and figures stay.
    ``backups`` is the number of backups that a folder of `genreflow backup` keeps, the newest ones.
    """

    snapshots: int = 0
    unpromoted_models: int = -1
    backups: int = 7

    def __post_init__(self) -> None:
        if self.backups < 1:
            raise ValueError(f"keep.backups is {self.backups}; use 1 or more.")

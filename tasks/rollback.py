"""Rollback: the champion before comes back, as the table of promotions knows it."""

from prefect import task

from genre_core.errors import UsageError
from genre_core.promotion import PromotionConfig
from storage.catalog.runs import Promotion
from storage.layout import DataLayout
from tasks.succession import make_whole, record_rollback, require_run, way_back

DEFAULT = PromotionConfig()


@task
def roll_back(layout: DataLayout, who: str = "") -> Promotion:
    """Put the champion before back in use.

    A rollback that a killed process has not recorded is recorded, and goes no further back.
    Runs from before do not challenge again: the next challenger is a new training.

    Raises
    ------
    UsageError
        If there is none, or the store does not know its run; nothing has changed then.
    """
    from storage.tracking.registry import champion, set_champion
    from storage.tracking.store import open_tracking

    tracking = open_tracking(layout)
    made_whole = make_whole(layout, tracking, DEFAULT, who)
    if made_whole and made_whole.kind == "rollback":
        return made_whole
    reigning = champion(tracking)
    back = way_back(layout, reigning) if reigning else None
    if reigning is None or back is None:
        raise UsageError("There is no champion before this one to go back to.")
    require_run(layout, back)
    set_champion(tracking, back.version)
    return record_rollback(layout, tracking, back, reigning, who)

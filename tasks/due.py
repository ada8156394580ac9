"""Due: whether a night has a reason to train."""

from collections.abc import Sequence

from prefect import task

from genre_core.training.rules import NightConfig, explain_rest, is_enough
from storage.catalog.connection import open_catalog
from storage.catalog.nightly import NightOutcome, count_newcomers, read_nights
from storage.catalog.runs import read_runs
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout

REMEMBERED_NIGHTS = 100


@task
def explain_no_training(
    layout: DataLayout,
    config: NightConfig,
    snapshots: Sequence[Snapshot],
    genres: Sequence[str],
    cell_ids: Sequence[str],
) -> str:
    """Say why there is nothing to train; nothing is said if there is.

    Parameters
    ----------
    layout : DataLayout
    config : NightConfig
    snapshots : sequence of Snapshot
        The newest ones, one a feature setting.
    genres : sequence of str
        Those that are asked for; empty for all.
    cell_ids : sequence of str
        The trainings that the settings ask for on these snapshots.

    Notes
    -----
    What a night has failed to train on a snapshot is no reason to train on it again. After a
    night that did not get through its training, the next one trains in any case.
    """
    if not _trained_through(layout):
        return ""
    with open_catalog(layout) as catalog:
        trained = {run.cell_id for run in read_runs(catalog, cell_ids)}
    done = trained | _failed_cells(layout)
    keys = [snapshot.feature_key for snapshot in snapshots]
    came = count_newcomers(layout, snapshots[0], keys, genres)
    if set(cell_ids) - done or is_enough(config, came.n_new + came.n_gone, came.n_known):
        return ""
    return explain_rest(config, came.n_new, came.n_gone)


def _trained_through(layout: DataLayout) -> bool:
    """Say whether the last night that came to its training got through it.

    A night that skipped it, for want of new songs, of time or of examples, says nothing: the one
    before decides. One that was killed came to it, as far as anybody knows.
    """
    for night in read_nights(layout, REMEMBERED_NIGHTS):
        if night.outcome in (NightOutcome.SKIPPED, NightOutcome.RUNNING):
            continue
        outcome = next((step.outcome for step in night.steps if step.step == "train"), None)
        if outcome is not NightOutcome.SKIPPED:
            return outcome is NightOutcome.FINISHED
    return False


def _failed_cells(layout: DataLayout) -> set[str]:
    nights = read_nights(layout, REMEMBERED_NIGHTS)
    return {cell_id for night in nights for cell_id in night.facts.get("failed_cells", ())}

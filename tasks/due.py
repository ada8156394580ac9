"""Due: whether a nightly run has a reason to train."""

from collections.abc import Sequence

from prefect import task

from genre_core.training.rules import NightConfig, explain_rest, is_enough
from storage.catalog.connection import open_catalog
from storage.catalog.nightly import NightOutcome, NightRecord, count_new_tracks, read_nights
from storage.catalog.runs import read_runs
from storage.catalog.snapshots import Snapshot, read_candidates
from storage.home import DataLayout

MAX_NIGHTS = 100


@task
def explain_no_training(
    layout: DataLayout,
    config: NightConfig,
    snapshots: Sequence[Snapshot],
    genres: Sequence[str],
    trial_ids: Sequence[str],
) -> str:
    """Return why there is nothing to train; empty if there is.

    ``snapshots`` are the newest, one per feature setting; ``trial_ids`` are those of the settings.
    Trials that failed on a snapshot are not repeated on it. After a nightly run whose training did
    not finish, the next one trains in any case.
    """
    keys = [snapshot.feature_key for snapshot in snapshots]
    with open_catalog(layout) as catalog:
        candidates = read_candidates(catalog, keys, genres)
        done = {run.trial_id for run in read_runs(catalog, trial_ids)}
        nights = read_nights(catalog, MAX_NIGHTS)
        tracks = count_new_tracks(catalog, snapshots[0], candidates)
    if not _has_trained(nights):
        return ""
    failed = {trial_id for night in nights for trial_id in night.facts.get("failed_trials", ())}
    n_changed = tracks.n_new + tracks.n_gone
    if set(trial_ids) - done - failed or is_enough(config, n_changed, tracks.n_known):
        return ""
    return explain_rest(config, tracks.n_new, tracks.n_gone)


def _has_trained(nights: Sequence[NightRecord]) -> bool:
    """Return whether the last run that reached its training, and was not killed, finished it."""
    for night in nights:
        if night.outcome in (NightOutcome.SKIPPED, NightOutcome.RUNNING):
            continue
        outcome = next((step.outcome for step in night.steps if step.step == "train"), None)
        if outcome != NightOutcome.SKIPPED:
            return outcome == NightOutcome.FINISHED
    return False

"""Tasks of maintenance: remove what is unused, and re-queue songs that were left out."""

from genre_core.records import SnapshotChoice
from storage.catalog.connection import open_catalog
from storage.catalog.songs import count_outcomes, release_songs
from storage.home import DataLayout
from storage.maintenance import RetentionConfig
from storage.maintenance.retention import Unused, tidy_home
from storage.maintenance.takedown import finish_removals
from tasks.orchestrator import get_run_logger, task


@task
def tidy_store(layout: DataLayout, keep: RetentionConfig, choice: SnapshotChoice) -> list[Unused]:
    """Finish interrupted removals, publish, and remove what is unused; return what was removed."""
    finish_removals(layout)
    removed = tidy_home(layout, keep, choice)
    get_run_logger().info("tidied: %s bytes", sum(unused.n_bytes for unused in removed))
    return removed


@task
def release_outcomes(layout: DataLayout, reason: str, source: str) -> tuple[int, dict[str, int]]:
    """Re-queue songs that were left out; return their number, and all songs by outcome."""
    with open_catalog(layout) as catalog:
        return release_songs(catalog, reason, source), count_outcomes(catalog)

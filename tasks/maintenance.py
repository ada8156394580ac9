"""Tidy: remove what nothing needs, and publish the store as it is then."""

from prefect import get_run_logger, task

from storage.catalog.connection import open_catalog
from storage.catalog.songs import release_songs
from storage.home import DataLayout
from storage.keep import KeepConfig
from storage.maintenance.retention import Needless, tidy_home
from storage.maintenance.takedown import finish_removals


@task
def tidy_store(layout: DataLayout, keep: KeepConfig) -> list[Needless]:
    """Finish removals that were broken off, publish, and remove what nothing needs."""
    finish_removals(layout)
    gone = tidy_home(layout, keep)
    get_run_logger().info("tidied: %s bytes", sum(thing.n_bytes for thing in gone))
    return gone


@task
def release_outcomes(layout: DataLayout, reason: str, source: str) -> int:
    """Forget why songs were left out, so that the steps behind try them again; count them."""
    with open_catalog(layout) as catalog:
        return release_songs(catalog, reason, source)

"""Tidy: remove what nothing needs, and publish the store as it is then."""

from prefect import get_run_logger, task

from storage.keep import KeepConfig
from storage.layout import DataLayout
from storage.takedown import finish_removals
from storage.tidying import Needless, tidy_home


@task
def tidy_store(layout: DataLayout, keep: KeepConfig) -> list[Needless]:
    """Finish removals that were broken off, publish, and remove what nothing needs."""
    finish_removals(layout)
    gone = tidy_home(layout, keep)
    get_run_logger().info("tidied: %s bytes", sum(thing.n_bytes for thing in gone))
    return gone

"""Publish the store for people, and show the songs of a flow as an artifact."""

from collections.abc import Mapping

from genre_core.errors import TransientError
from genre_core.records import counted
from storage.catalog.publish import publish
from storage.home import DataLayout
from storage.lock import hold_home
from tasks.orchestrator import create_table_artifact, get_run_logger, task


@task
def publish_store(layout: DataLayout) -> None:
    """Replace ``spectrograms.duckdb``."""
    publish(layout)


@task
def publish_end(layout: DataLayout) -> None:
    """Publish the end of a nightly run; a command that holds the home publishes it with its own."""
    try:
        with hold_home(layout):
            publish(layout)
    except TransientError as error:
        get_run_logger().warning("The end of the run is not published yet: %s", error)


@task
def report_songs(
    flow: str,
    n_songs: int,
    outcomes: Mapping[str, int],
    given_up: Mapping[str, str] | None = None,
) -> None:
    """Show the songs of a flow, and all songs by outcome, as an artifact with given-up sites."""
    rows = [{"outcome": outcome, "songs": count} for outcome, count in outcomes.items()]
    sites = [f"{site} was given up: {reason}" for site, reason in (given_up or {}).items()]
    description = "\n\n".join([f"Scanned {counted(n_songs, 'song')}.", *sites])
    create_table_artifact(key=f"{flow}-songs", table=rows, description=description)

"""Publish the store for people, and show the songs of a flow in the Prefect UI."""

from collections.abc import Mapping

from prefect import task
from prefect.artifacts import create_table_artifact

from genre_core.records import counted
from storage.catalog.publish import publish
from storage.home import DataLayout


@task
def publish_store(layout: DataLayout) -> None:
    """Replace ``spectrograms.duckdb``."""
    publish(layout)


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

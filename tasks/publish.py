"""Publish: what people read, replaced whole after each stage."""

from collections.abc import Mapping

from prefect import task
from prefect.artifacts import create_table_artifact

from storage.catalog.publish import publish
from storage.home import DataLayout


@task
def publish_store(layout: DataLayout) -> None:
    """Write ``spectrograms.duckdb`` anew and put it in the place of the old one."""
    publish(layout)


@task
def report_songs(
    flow: str,
    n_songs: int,
    outcomes: Mapping[str, int],
    given_up: Mapping[str, str] | None = None,
) -> None:
    """Write how many songs a flow looked at, and how all songs stand, as an artifact.

    The sites that it gave up stand in the description.
    """
    rows = [{"outcome": outcome, "songs": count} for outcome, count in outcomes.items()]
    sites = [f"{site} was given up: {said}" for site, said in (given_up or {}).items()]
    description = "\n\n".join([f"{n_songs} songs were looked at.", *sites])
    create_table_artifact(key=f"{flow}-songs", table=rows, description=description)

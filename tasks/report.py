"""Report: how the songs stand after a flow, for the Prefect UI."""

from collections.abc import Mapping

from prefect import task
from prefect.artifacts import create_table_artifact


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

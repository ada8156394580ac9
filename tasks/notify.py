"""Telling of a night: as artifacts in the Prefect UI, and through a notification block."""

from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block

from storage.layout import DataLayout
from tasks.morning import MorningPage, make_morning_page

TABLES = {
    "left_out": "songs left out",
    "duplicates": "new duplicates",
    "conflicts": "recordings under several genres",
    "networks": "networks compared",
    "drift": "new songs against validation songs",
    "steps": "steps with their times",
}


@task
def write_morning_page(layout: DataLayout, night_id: str) -> MorningPage:
    """Write the page of a night; the same stands in the Prefect UI, in Markdown and tables."""
    page = make_morning_page(layout, night_id)
    create_markdown_artifact(key="morning", markdown=page.markdown, description=page.headline)
    for name, title in TABLES.items():
        if rows := page.told[name]:
            key = f"morning-{name.replace('_', '-')}"
            create_table_artifact(key=key, table=[_flat(row) for row in rows], description=title)
    return page


@task
def notify_of_night(block: str, page: MorningPage | None) -> bool:
    """Send the headline through a notification block; a failure is logged and fails nothing.

    Parameters
    ----------
    block : str
        ``<type>/<name>``, as the Prefect UI shows it: ``slack-webhook/my-block``. Empty: nobody
        is told.
    page : MorningPage or None
        None where it could not be written; then there is nothing to send.

    Returns
    -------
    bool
        Whether it was sent.
    """
    if not block or page is None:
        return False
    try:
        _send(block, page)
    except Exception as error:  # each kind of block fails in its own way
        get_run_logger().warning(
            "Nobody was told of the night through %s: %s. The page is %s.", block, error, page.page
        )
        return False
    return True


def _send(block: str, page: MorningPage) -> None:
    loaded = Block.load(block)
    if not isinstance(loaded, NotificationBlock):
        raise TypeError("it is no notification block; choose one whose type sends notifications")
    with loaded.raise_on_failure():
        loaded.notify(body=summary(page), subject="genreflow: the night")  # type: ignore[unused-coroutine]


def summary(page: MorningPage) -> str:
    """Give the headline, what is left to decide, and where the page is."""
    to_do = [f"- {item}" for item in page.to_do]
    return "\n".join([page.headline, *to_do, f"The page: {page.page}"])


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Give a row whose lists are text, as a table of Prefect takes it."""
    return {
        name: "\n".join(map(str, value)) if isinstance(value, list) else value
        for name, value in row.items()
    }

"""Telling of a night: as artifacts in the Prefect UI, and through a notification block."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block

from genre_core.errors import UsageError
from storage.catalog.nightly import MorningNight, read_night
from storage.catalog.snapshots import NEWEST, SnapshotChoice
from storage.home import DataLayout
from storage.reports import figure_png, write_text
from tasks.report.facts import gather_morning
from tasks.report.page import HTML, MARKDOWN, draw_morning, render_morning, tell_morning

FOLDER, LATEST = "nights", "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class MorningPage:
    """Where the page of a night stands, and what it says."""

    night_id: str
    page: Path
    headline: str
    to_do: tuple[str, ...]
    markdown: str
    told: dict[str, Any]

    @property
    def sentence(self) -> str:
        """Where the page is."""
        return f"The page is {self.page}."

    def as_document(self) -> dict[str, Any]:
        """Give plain values by name."""
        return {**self.told, "page": str(self.page)}


def make_morning_page(
    layout: DataLayout,
    night_id: str = "",
    started_at: datetime | None = None,
    choice: SnapshotChoice = NEWEST,
) -> MorningPage:
    """Write ``reports/nights/<night_id>.html`` and ``latest.html``, each with its Markdown.

    Parameters
    ----------
    layout : DataLayout
    night_id : str
        A night of the catalog; empty: the last one.
    started_at : datetime, optional
        When the night began, where the catalog knows no such night.
    choice : SnapshotChoice
        The library whose runs are compared.

    Raises
    ------
    UsageError
        If there is no such night, and no time was given.
    """
    night = _find_night(layout, night_id, started_at)
    morning = gather_morning(layout, night, choice)
    images = {name: figure_png(figure) for name, figure in draw_morning(morning).items()}
    pages = render_morning(morning, images)
    page = _write_pages(layout, night.night_id, pages)
    told = tell_morning(morning)
    return MorningPage(
        night_id=night.night_id,
        page=page,
        headline=told["headline"],
        to_do=tuple(told["to_do"]),
        markdown=pages[MARKDOWN],
        told=told,
    )


def _write_pages(layout: DataLayout, night_id: str, pages: Mapping[str, str]) -> Path:
    """Write the page under the night's name and as the latest; give where its HTML stands."""
    name, folder = re.sub(r"[^\w.-]", "-", night_id), layout.reports / FOLDER
    for stem in (name, LATEST):
        write_text(folder, f"{stem}.md", pages[MARKDOWN])
        write_text(folder, f"{stem}.html", pages[HTML])
    return folder / f"{name}.html"


def _find_night(layout: DataLayout, night_id: str, started_at: datetime | None) -> MorningNight:
    night = None
    if layout.catalog.exists() and (night_id or started_at is None):
        night = read_night(layout, night_id)
    if night is None and started_at is not None:
        moment = started_at.astimezone(UTC)
        night = MorningNight(night_id=night_id or f"{moment:%Y-%m-%dT%H-%M-%SZ}", started_at=moment)
    if night is None:
        raise UsageError(
            f"There is no night{' ' + night_id if night_id else ''} in {layout.home} yet. Run the "
            "flow `nightly` first, or name the right place with --home."
        )
    return night


TABLES = {
    "left_out": "songs left out",
    "duplicates": "new duplicates",
    "conflicts": "recordings under several genres",
    "networks": "networks compared",
    "drift": "new songs against validation songs",
    "steps": "steps with their times",
}


@task
def write_morning_page(
    layout: DataLayout, night_id: str, choice: SnapshotChoice = NEWEST
) -> MorningPage:
    """Write the page of a night; the same stands in the Prefect UI, in Markdown and tables."""
    page = make_morning_page(layout, night_id, choice=choice)
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

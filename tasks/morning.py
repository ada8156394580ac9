"""The morning page of a night: gathered, drawn, written, and shown in the Prefect UI."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genre_core.errors import UsageError
from storage.catalog.morning import MorningNight, read_night
from storage.layout import DataLayout
from storage.reports import figure_png, write_text
from tasks.morning_facts import gather_morning
from tasks.morning_figures import draw_morning
from tasks.morning_page import HTML, MARKDOWN, render_morning, tell_morning

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
    layout: DataLayout, night_id: str = "", started_at: datetime | None = None
) -> MorningPage:
    """Write ``reports/nights/<night_id>.html`` and ``latest.html``, each with its Markdown.

    Parameters
    ----------
    layout : DataLayout
    night_id : str
        A night of the catalog; empty: the last one.
    started_at : datetime, optional
        When the night began, where the catalog knows no such night.

    Raises
    ------
    UsageError
        If there is no such night, and no time was given.
    """
    night = _find_night(layout, night_id, started_at)
    morning = gather_morning(layout, night)
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

"""Tasks of the nightly report: write it, show it in the Prefect UI, notify somebody."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genre_core.errors import TrackRejected, UsageError
from genre_core.records import SnapshotChoice
from storage.catalog.connection import open_catalog
from storage.catalog.nightly import NightRecord, read_night
from storage.catalog.snapshots import NEWEST
from storage.home import DataLayout
from tasks.orchestrator import create_markdown_artifact, create_table_artifact, get_run_logger, task
from tasks.terminal import announce

LATEST = "latest"
TABLES = {
    "left_out": "songs left out",
    "duplicates": "new duplicates",
    "conflicts": "recordings with several genres",
    "networks": "networks compared",
    "drift": "new songs against validation songs",
    "steps": "steps with their times",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """The report of a nightly run: its HTML file and its content."""

    night_id: str
    page: Path
    headline: str
    to_do: tuple[str, ...]
    markdown: str
    content: dict[str, Any]

    @property
    def sentence(self) -> str:
        """Where the report is."""
        return f"The report is {self.page}."

    @property
    def summary(self) -> str:
        """The headline, what needs a decision, and where the report is."""
        return "\n".join([self.headline, *(f"- {item}" for item in self.to_do), self.sentence])

    def as_document(self) -> dict[str, Any]:
        """Return plain values by name."""
        return {**self.content, "page": str(self.page)}


def make_report(
    layout: DataLayout,
    night_id: str = "",
    started_at: datetime | None = None,
    choice: SnapshotChoice = NEWEST,
    excerpts: bool = False,
) -> ReportPage:
    """Write ``reports/nights/<night_id>.html`` and ``latest.html``, each with its Markdown.

    An empty ``night_id`` is the last nightly run of the catalog; ``started_at`` is the start of a
    run that the catalog does not have; ``choice`` is the library whose runs are compared. With
    ``excerpts``, songs that wait for a decision can be played in the HTML, which is larger then.
    UsageError if there is no such run, and no time was given.
    """
    # figures, audit and comparison are loaded when the report is written, not with the flow
    from storage.reports import figure_png
    from tasks.report.facts import gather_facts
    from tasks.report.page import (
        MARKDOWN,
        choose_excerpts,
        describe_report,
        draw_figures,
        render_report,
    )

    night = _find_record(layout, night_id, started_at)
    facts = gather_facts(layout, night, choice)
    images = {name: figure_png(figure) for name, figure in draw_figures(facts).items()}
    content = describe_report(facts)
    made = cut_excerpts(layout, choose_excerpts(content)) if excerpts else {}
    pages = render_report(content, images, made)
    return ReportPage(
        night_id=night.night_id,
        page=_write_pages(layout, night.night_id, pages),
        headline=content["headline"],
        to_do=tuple(content["to_do"]),
        markdown=pages[MARKDOWN],
        content=content,
    )


def cut_excerpts(layout: DataLayout, track_ids: Sequence[str]) -> dict[str, bytes]:
    """Return excerpts of songs as mp3, by track; those that cannot be cut are left out."""
    from storage.audio.previews import PlayedSong, cut_preview
    from storage.catalog.songs import find_stored_song

    excerpts = {}
    for track_id in track_ids:
        if found := find_stored_song(layout, track_id):
            song = PlayedSong(name=track_id, path=found[0], facts=found[1])
            with suppress(TrackRejected):
                excerpts[track_id] = cut_preview(layout.previews, song).read_bytes()
    return excerpts


def _write_pages(layout: DataLayout, night_id: str, pages: Mapping[str, str]) -> Path:
    """Write the report under the id of its run and as the latest; return its HTML file."""
    from storage.reports import NIGHTLY, writable_reports, write_text

    name = re.sub(r"[^\w.-]", "-", night_id)
    folder = writable_reports(layout) / NIGHTLY
    for stem in (name, LATEST):
        for template, text in pages.items():
            write_text(folder, stem + Path(template).suffix, text)
    return folder / f"{name}.html"


def _find_record(layout: DataLayout, night_id: str, started_at: datetime | None) -> NightRecord:
    night = None
    if layout.catalog.exists() and (night_id or started_at is None):
        with open_catalog(layout) as catalog:
            night = read_night(catalog, night_id)
    if night is None and started_at is not None:
        moment = started_at.astimezone(UTC)
        return NightRecord(night_id=night_id or f"{moment:%Y-%m-%dT%H-%M-%SZ}", started_at=moment)
    if night is None:
        raise UsageError(
            f"There is no nightly run{' ' + night_id if night_id else ''} in {layout.home} yet. "
            "Run the flow `nightly` first, or name the right place with --home."
        )
    return night


@task
def write_report(
    layout: DataLayout, night_id: str, choice: SnapshotChoice = NEWEST, excerpts: bool = False
) -> ReportPage:
    """Write the report of a nightly run, and show it in the Prefect UI as Markdown and tables."""
    announce("Drawing the figures of the report")
    page = make_report(layout, night_id, choice=choice, excerpts=excerpts)
    create_markdown_artifact(key="morning", markdown=page.markdown, description=page.headline)
    for name, title in TABLES.items():
        if rows := page.content[name]:
            key = f"morning-{name.replace('_', '-')}"
            table = [  # tables of Prefect take no lists
                {n: "\n".join(map(str, v)) if isinstance(v, list) else v for n, v in row.items()}
                for row in rows
            ]
            create_table_artifact(key=key, table=table, description=title)
    return page


@task
def notify_of_night(block: str, page: ReportPage | None, failures: Sequence[str] = ()) -> None:
    """Send the summary through a notification block; without a report, what failed.

    A failure is logged. ``block`` is ``<type>/<name>``, such as ``slack-webhook/my-block``; empty:
    nothing is sent.
    """
    if not block:
        return
    from prefect.blocks.abstract import NotificationBlock
    from prefect.blocks.core import Block

    unwritten = ["The report could not be written.", *(f"- {failure}" for failure in failures)]
    summary = page.summary if page else "\n".join(unwritten)
    try:
        loaded = Block.load(block)
        if not isinstance(loaded, NotificationBlock):
            raise TypeError("it does not send notifications; choose another type of block")
        with loaded.raise_on_failure():
            loaded.notify(  # type: ignore[unused-coroutine]
                body=summary, subject="genreflow: nightly run"
            )
    except Exception as error:  # each kind of block fails in its own way
        get_run_logger().warning(
            "Notification through %s failed: %s. %s", block, error, page.sentence if page else ""
        )

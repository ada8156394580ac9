"""Nights: a calendar of the nightly runs, each with its steps and report; the next one, run now."""

import re
from calendar import Calendar, month_name
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from flows.printed import read_end
from flows.schedule import find_api, find_schedules
from flows.web.commands import log_of
from flows.web.pages import show_page
from flows.web.report import serve_report
from flows.web.state import State, WebState
from genre_core.locations import show_location
from storage.catalog.nightly import NightOutcome, NightRecord, read_published_nights
from storage.home import DataLayout
from storage.lock import has_night, hold_home
from storage.reports import NIGHTLY
from storage.sources.listing import known_music
from tasks.pages import shown_s

router = APIRouter(include_in_schema=False)

MOST_NIGHTS = 120
MOST_MONTHS = 3
WORDS = ("night", "--verbose")
STEPS = ("ingest", "extract", "train", "map", "tidy", "report")
AT_WORK = "A nightly run is at work in this home; wait until it has ended."
SYMBOLS = {
    NightOutcome.FINISHED: "✓",
    NightOutcome.FAILED: "✕",
    NightOutcome.INTERRUPTED: "◐",
    NightOutcome.SKIPPED: "–",
    NightOutcome.RUNNING: "▶",
}
_BEGUN = re.compile(r"Beginning \w+ run .* for flow '(\w+)'")
"""What Prefect logs where a flow begins; the report is no flow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month of the calendar: weeks of days, None for those of other months."""

    name: str
    weeks: tuple[tuple[date | None, ...], ...]


@router.get("/nights")
def show_nights(request: Request, state: State, ran: bool = False) -> HTMLResponse:
    """Show the nightly runs, the newest first."""
    layout, now = state.layout, datetime.now(UTC)
    is_there = layout.published.exists()
    nights = read_published_nights(layout, MOST_NIGHTS) if is_there else []
    command = state.commands.last.get(WORDS[0])
    content = {
        "page": "nights",
        "nights": nights,
        "by_day": group_by_day(nights),
        "months": list_months([night.started_at.date() for night in nights], now.date()),
        "symbols": SYMBOLS,
        "shown_s": shown_s,
        "reports": {night.night_id for night in nights if find_report(layout, night.night_id)},
        "schedules": find_schedules(layout),
        "prefect": find_api(layout).removesuffix("/api"),
        "music": [show_location(music) for music in _music(state)],
        "command": command if ran and command and not command.is_running else None,
        **_describe_progress(state),
    }
    return show_page(request, "nights.html", content)


@router.post("/nights/run")
def run_now(request: Request, state: State) -> Response:
    """Start `genreflow night` in a process that outlives this page; 409 if one runs."""
    if has_night(state.layout):
        raise HTTPException(409, AT_WORK)
    with state.explaining_refusals(), hold_home(state.layout):
        state.commands.start(state.layout, WORDS)
    if "hx-request" not in request.headers:
        return RedirectResponse("/nights", 303)
    return show_page(request, "_night_progress.html", _describe_progress(state))


@router.get("/nights/progress")
def follow_run(request: Request, state: State) -> Response:
    """Show how far the run is; once it has ended, lead to the page with its outcome."""
    progress = _describe_progress(state)
    if not progress["is_running"]:
        return Response(headers={"HX-Redirect": "/nights?ran=true"})
    return show_page(request, "_night_progress.html", progress)


@router.get("/nights/{night_id}/report")
def show_report(night_id: str, request: Request, state: State) -> Response:
    """Show the report of a nightly run, its songs linked to their pages."""
    report = find_report(state.layout, night_id)
    if report is None:
        raise HTTPException(404, "This nightly run has no report here.")
    return serve_report(report, request.state.nonce)


def find_report(layout: DataLayout, night_id: str) -> Path | None:
    """Return the report of a nightly run, if it is there."""
    if not re.fullmatch(r"[\w-]{1,100}", night_id):
        return None
    report = layout.reports / NIGHTLY / f"{night_id}.html"
    return report if report.is_file() else None


def group_by_day(nights: Sequence[NightRecord]) -> dict[date, list[NightRecord]]:
    """Return the runs of each day (UTC), those that were skipped last."""
    found: dict[date, list[NightRecord]] = {}
    for night in sorted(nights, key=lambda night: night.outcome == NightOutcome.SKIPPED):
        found.setdefault(night.started_at.date(), []).append(night)
    return found


def list_months(days: Sequence[date], today: date) -> list[Month]:
    """Return the last months that have runs, and this one, the latest last."""
    months = sorted({(day.year, day.month) for day in (*days, today)})[-MOST_MONTHS:]
    return [
        Month(
            name=f"{month_name[month]} {year}",
            weeks=tuple(
                tuple(day if day.month == month else None for day in week)
                for week in Calendar().monthdatescalendar(year, month)
            ),
        )
        for year, month in months
    ]


def _music(state: WebState) -> list[str]:
    """Return what a nightly run would take songs from."""
    return [state.config.music] if state.config.music else list(known_music(state.layout))


def _describe_progress(state: WebState) -> dict[str, Any]:
    """Return whether a run is at work, and how far it is."""
    layout, command = state.layout, state.commands.last.get(WORDS[0])
    is_ours = bool(command and command.is_running)
    is_running = is_ours or has_night(layout)
    if not is_running:
        return {"is_running": False}
    begun = _read_begun(layout) if is_ours else _published_steps(layout)
    return {
        "is_running": True,
        "steps": STEPS,
        "n_begun": max((STEPS.index(step) + 1 for step in begun if step in STEPS), default=0),
        "started_at": command.started_at if command and is_ours else None,
    }


def _read_begun(layout: DataLayout) -> list[str]:
    """Return the flows that the run has begun which a page started, from its log."""
    found = (_BEGUN.search(line) for line in read_end(log_of(layout, WORDS[0])))
    return [line[1] for line in found if line]


def _published_steps(layout: DataLayout) -> list[str]:
    """Return the steps that have ended of the run that is at work, as far as they are published."""
    nights = read_published_nights(layout, 1) if layout.published.exists() else []
    running = [night for night in nights if night.outcome == NightOutcome.RUNNING]
    return [step.step for night in running for step in night.steps]

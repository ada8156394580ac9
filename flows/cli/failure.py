"""Report to a person that a scheduled nightly run failed: on the desktop, by a notification."""

import shutil
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.app import prepare_config, settle_engine, show
from flows.printed import find_complaint, read_end
from flows.settings import read_settings
from storage.schedule.plan import BEGUN

if TYPE_CHECKING:
    from storage.home import DataLayout

JUST_NOW = timedelta(minutes=10)
LONGEST_S = 10.0


def report_failure(home: Path | None) -> None:
    """Report why the run that a schedule has just started failed, by its message in the log."""
    config = read_settings(home=home)
    sentence = f"The nightly run of {config.layout.home} failed. {_last_message(config.layout)}"
    show(sentence)
    _show_on_desktop(sentence)
    if not config.notify or not config.layout.catalog.exists() or _has_notified(config.layout):
        return
    config = prepare_config(verbose=False, recorded=True, home=home)
    from tasks.report.notify import notify_of_night

    settle_engine()
    notify_of_night.fn(config.notify, None, [sentence])


def _last_message(layout: "DataLayout") -> str:
    """Return the last complaint of the run that began last in the log of the schedule."""
    if not layout.schedule_log.exists():
        return "There is no log: the home may not be there."
    lines = read_end(layout.schedule_log)
    starts = [nth for nth, line in enumerate(lines) if line.startswith(BEGUN)]
    last = find_complaint(lines[starts[-1] :] if starts else lines) or "It left no message."
    return f"{last} The log is {layout.schedule_log}."


def _show_on_desktop(sentence: str) -> None:
    """Show a notification where a desktop takes one."""
    if program := shutil.which("notify-send"):
        words = [program, "--app-name=genreflow", "--urgency=critical", "genreflow", sentence]
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(words, capture_output=True, timeout=LONGEST_S, check=False)


def _has_notified(layout: "DataLayout") -> bool:
    """Whether the run reached its end, where it sends its own notification."""
    from storage.catalog.connection import open_catalog
    from storage.catalog.nightly import NightOutcome, read_night

    with open_catalog(layout) as catalog:
        night = read_night(catalog)
    if night is None or night.ended_at is None:
        return False
    reached = night.outcome in (NightOutcome.FINISHED, NightOutcome.FAILED)
    return reached and datetime.now(UTC) - night.ended_at < JUST_NOW

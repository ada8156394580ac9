"""genreflow schedule: what it refuses, what it shows, and the failure that a schedule tells."""

import json
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flows.schedule import find_program, is_temporary, plan_night
from flows.settings import Settings
from storage.home import DataLayout
from storage.sources.listing import KnownMusic, remember_music
from tests.flows.conftest import Call

CRONTAB = """#!/bin/sh
case "$1" in
-l) [ -f "$CRONTAB" ] || { echo "no crontab for tester" >&2; exit 1; }; cat "$CRONTAB" ;;
-r) rm "$CRONTAB" ;;
-) cat > "$CRONTAB" ;;
esac
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without systemd, whose crontab is in a file."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "crontab").write_text(CRONTAB)
    (folder / "crontab").chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("CRONTAB", str(tmp_path / "crontab"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return tmp_path / "crontab"


@pytest.fixture
def fed_home(empty_home: DataLayout, library: Path) -> DataLayout:
    """A home that has never been trained, and knows its music."""
    remember_music(empty_home, str(library), KnownMusic())
    return empty_home


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Give one of --at TIME"),
        (("--show", "--remove"), "Give one of --at TIME"),
        (("--show", "--engine", "cron"), "--engine goes with --at"),
        (("--at", "25:00"), "is no time of day"),
        (("--at", "03:00", "--engine", "systemd"), "No manager of systemd answers"),
        (("--at", "03:00", "--engine", "at"), "Invalid value for '--engine'"),
    ],
)
def test_what_cannot_be_scheduled_is_refused_with_what_to_do(
    genreflow: Call, machine: Path, fed_home: DataLayout, words: tuple[str, ...], sentence: str
) -> None:
    refused = genreflow("schedule", *words)
    assert (refused.code, sentence in refused.err) == (2, True)
    assert not machine.exists()


def test_a_home_that_knows_no_music_is_not_scheduled(
    genreflow: Call, machine: Path, empty_home: DataLayout
) -> None:
    refused = genreflow("schedule", "--at", "03:00", "--engine", "cron")
    assert (refused.code, "No music is named" in refused.err) == (2, True)
    assert not machine.exists()


def test_a_schedule_is_made_shown_moved_and_removed(
    genreflow: Call, machine: Path, fed_home: DataLayout
) -> None:
    none = genreflow("schedule", "--show")
    assert (none.code, "genreflow schedule --at 03:00" in none.err) == (1, True)

    genreflow("schedule", "--at", "03:00", "--engine", "cron")
    moved = genreflow("schedule", "--at", "4:30", "--engine", "cron")
    assert "every day at 04:30" in moved.out
    assert machine.read_text("utf-8").count(" * * * exec") == 1

    shown = json.loads(genreflow("schedule", "--show", "--json").out)
    (found,) = shown["schedules"]
    due_at = datetime.fromisoformat(found["due_at"])
    assert (due_at.hour, due_at.minute, found["engine"]) == (4, 30, "cron")
    assert timedelta(0) < due_at - datetime.now().astimezone() <= timedelta(hours=25)
    assert (shown["last_run"], shown["log"]) == (None, str(fed_home.schedule_log))

    assert "of cron is removed" in genreflow("schedule", "--remove").out
    assert not machine.exists()
    again = genreflow("schedule", "--remove")
    assert (again.code, "No nightly run" in again.out) == (0, True)


def test_a_schedule_of_a_home_that_is_gone_can_be_removed(
    genreflow: Call, machine: Path, fed_home: DataLayout
) -> None:
    genreflow("schedule", "--at", "03:00", "--engine", "cron")
    fed_home.home.rename(fed_home.home.with_name("elsewhere"))
    assert "is removed" in genreflow("schedule", "--remove").out
    assert not machine.exists()


def test_a_night_has_the_settings_of_the_terminal_but_no_password(
    fed_home: DataLayout, machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENREFLOW_DEVICE", "auto")
    monkeypatch.setenv("GENREFLOW_WEB_PASSWORD", "secret")
    monkeypatch.chdir(tmp_path)
    plan = plan_night(fed_home, datetime(2026, 1, 1, 3).time())
    assert plan.variables["GENREFLOW_DEVICE"] == "auto"
    assert plan.variables["GENREFLOW_HOME"] == str(fed_home.home)
    assert "secret" not in plan.variables.values()
    assert (plan.folder, plan.night[0]) == (tmp_path, "night")


def test_the_program_is_that_of_this_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_program() == Path(sys.executable).with_name("genreflow")
    own = tmp_path / "genreflow"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o700)
    monkeypatch.setattr(sys, "argv", [os.path.relpath(own)])
    assert find_program().samefile(own)
    assert find_program().is_absolute()


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("/home/a/.local/bin/genreflow", False),
        ("/home/a/.local/share/uv/tools/genreflow/bin/genreflow", False),
        ("/home/a/.cache/uv/archive-v0/x1/bin/genreflow", True),
        ("/home/a/.local/pipx/.cache/5a/bin/genreflow", True),
    ],
)
def test_a_program_in_a_cache_does_not_stay(program: str, expected: bool) -> None:
    assert is_temporary(program) is expected


def test_a_failure_is_told_with_the_last_complaint_of_the_log(
    genreflow: Call, fed_home: DataLayout
) -> None:
    log = "one\ngenreflow: /music is not there.\nThe nightly run …\n"
    fed_home.schedule_log.write_text(log, "utf-8")
    told = genreflow("morning", "--failed")
    assert (told.code, "failed. /music is not there." in told.out) == (0, True)


def test_nightly_is_still_a_name_of_night(genreflow: Call, empty_home: DataLayout) -> None:
    night, nightly = genreflow("night"), genreflow("nightly")
    assert (nightly.code, nightly.err) == (night.code, night.err)
    listed = [line.split()[1] for line in genreflow("--help").out.splitlines() if line[:1] == "│"]
    assert ("night" in listed, "nightly" in listed) == (True, False)


@pytest.mark.flow
def test_the_last_run_is_shown_with_its_outcome(
    genreflow: Call, machine: Path, finished: Settings
) -> None:
    shown = genreflow("schedule", "--show", "--home", finished.home).out
    today = datetime.now().astimezone()
    names = {f"{day:%Y-%m-%d}" for day in (today, today - timedelta(days=1))}
    assert any(f"Last run:  {name}-" in shown for name in names)
    assert ", finished, started by " in shown

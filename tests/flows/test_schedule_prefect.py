"""genreflow schedule --engine prefect: one command brings all up, a run starts, all goes again."""

import os
import shutil
import time
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from flows.deployments import set_schedule
from flows.schedule import find_api
from storage.catalog.connection import open_catalog
from storage.catalog.nightly import read_published_nights
from storage.home import DataLayout
from tests.conftest import IDLE_SERVICES
from tests.flows.conftest import Call
from tests.shared import Shared

pytestmark = [pytest.mark.long, pytest.mark.flow, pytest.mark.keras, pytest.mark.prefect]

LONGEST_S = 300
SETTINGS = {
    "GENREFLOW_FRAGMENTS": '{"n_fragments": 3, "longest_s": 1, "margin_s": 0.5, "min_track_s": 4}',
    "GENREFLOW_FRAGMENT_LENGTHS_S": "[1.0]",
    "GENREFLOW_NETWORKS": '["dense"]',
    "GENREFLOW_TRAINING__MAX_EPOCHS": "2",
    "GENREFLOW_AUDIT": '{"n_draws": 1, "n_folds": 2, "max_epochs": 2}',
}


def _processes(layout: DataLayout) -> list[str]:
    """Return the commands that run for a home."""
    commands = [
        " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])
    ]
    return [command for command in commands if f"ui --worker --home {layout.home}" in command]


@pytest.fixture
def machine(
    tmp_path: Path, library: Path, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> DataLayout:
    """A home that was never trained, on a machine without systemd and cron."""
    layout = DataLayout(tmp_path / "home")
    with open_catalog(layout):
        layout.prefect.mkdir()
    shutil.copy(shared.prefect_database(), layout.prefect / "prefect.db")
    for name in (*IDLE_SERVICES, "PREFECT_API_URL", "DBUS_SESSION_BUS_ADDRESS", "PREFECT_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, text in SETTINGS.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("GENREFLOW_MUSIC", str(library))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_WORKER_QUERY_SECONDS", "2")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "crontab").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "crontab").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return layout


def test_one_command_brings_up_all_and_the_schedule_starts_a_run(
    machine: DataLayout, program: Call
) -> None:
    begun = program("schedule", "--at", "03:00", "--home", machine.home)
    try:
        assert (begun.code, "by Prefect" in begun.out) == (0, True), begun.err
        assert "but no reboot" in begun.out
        assert len(_processes(machine)) == 1
        soon = datetime.now() + timedelta(seconds=150)
        set_schedule(machine, find_api(machine), soon.time())
        ends_s = time.monotonic() + LONGEST_S
        while not _has_finished(machine) and time.monotonic() < ends_s:
            time.sleep(2)
        (night,) = read_published_nights(machine, 2)
        assert (night.who, night.outcome) == ("schedule", "finished"), (
            machine.schedule_log.read_text()
        )
        assert night.night_id == f"{soon:%Y-%m-%d-%H%M}"
    finally:
        ended = program("schedule", "--remove", "--home", machine.home)
    assert (ended.code, "of Prefect is removed" in ended.out) == (0, True)
    assert _processes(machine) == []
    assert not find_api(machine)


def _has_finished(layout: DataLayout) -> bool:
    nights = read_published_nights(layout, 2) if layout.published.exists() else []
    return any(night.outcome != "running" for night in nights)

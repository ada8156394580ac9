"""genreflow schedule: what it refuses, what it shows, and the failure that a schedule tells."""

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from flows import deployments
from flows.printed import find_complaint
from flows.schedule import (
    find_program,
    is_temporary,
    name_deployment,
    name_pool,
    plan_night,
    read_prefect,
    require_account,
)
from flows.settings import Settings
from genre_core.errors import UsageError
from storage.home import DataLayout
from storage.schedule import cron
from storage.schedule.plan import SCHEDULED, SECRETS, use_secrets
from storage.sources.listing import KnownMusic, remember_music
from tasks.nightly import flow_run, name_night
from tests.crontab import put_crontab
from tests.flows.conftest import Call


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without systemd, whose crontab is in a file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return put_crontab(tmp_path, monkeypatch, "/usr/bin:/bin")


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
    assert machine.read_text("utf-8").count(" * * * export") == 1

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


def test_a_failure_is_reported_with_the_last_complaint_of_the_log(
    genreflow: Call, fed_home: DataLayout
) -> None:
    log = "one\ngenreflow: /music is not there.\nThe nightly run …\n"
    fed_home.schedule_log.write_text(log, "utf-8")
    failed = genreflow("morning", "--failed")
    assert (failed.code, "failed. /music is not there." in failed.out) == (0, True)


def test_a_failure_is_not_reported_with_the_complaint_of_an_earlier_night(
    genreflow: Call, fed_home: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    fed_home.schedule_log.write_text("genreflow: /music is not there.\n", "utf-8")
    monkeypatch.setenv(SCHEDULED, "1")
    (fed_home.home / "genreflow.toml").write_text("seeds = []", "utf-8")
    monkeypatch.chdir(fed_home.home)
    failed = genreflow("night")
    assert failed.code == 2
    with fed_home.schedule_log.open("a") as log:
        log.write(failed.out + "Killed\n")
    (fed_home.home / "genreflow.toml").unlink()
    assert "failed. Killed The log" in genreflow("morning", "--failed").out


def test_a_complaint_in_a_log_of_json_is_found(tmp_path: Path) -> None:
    lines = ['{"level": "ERROR", "message": "No music."}', '{"level": "INFO", "message": "Bye."}']
    assert find_complaint(lines) == "No music."


AT = datetime(2026, 1, 1, 3).time()


def test_a_night_has_telemetry_and_cache_of_the_terminal_but_no_secrets(
    fed_home: DataLayout, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "XDG_CACHE_HOME": "/c"}
    shown |= {"OPENLINEAGE_URL": "http://b"}
    closed = ("OTEL_EXPORTER_OTLP_HEADERS", "OPENLINEAGE__TRANSPORT__AUTH__API_KEY", "AWS_PROFILE")
    for name, text in {**shown, **dict.fromkeys(closed, "secret")}.items():
        monkeypatch.setenv(name, text)
    variables = plan_night(fed_home, AT).variables
    assert {name: variables.get(name) for name in shown} == shown
    assert not set(closed) & set(variables)


def test_a_password_in_an_address_goes_to_a_file_that_only_its_owner_reads(
    fed_home: DataLayout, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://bob:pw@proxy:3128")
    with pytest.raises(UsageError, match=r"https_proxy=… into .*schedule\.env"):
        plan_night(fed_home, AT)
    fed_home.schedule_secrets.write_text("# mine\nhttps_proxy=http://bob:p$w@proxy:3128\n")
    fed_home.schedule_secrets.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        plan_night(fed_home, AT)
    fed_home.schedule_secrets.chmod(0o600)
    variables = plan_night(fed_home, AT).variables
    assert "https_proxy" not in variables
    monkeypatch.setenv(SECRETS, variables[SECRETS])
    use_secrets()
    assert os.environ["https_proxy"] == "http://bob:p$w@proxy:3128"


class _Prefect(BaseHTTPRequestHandler):
    """A server of Prefect with an account, which plans one run of one deployment."""

    planned = ""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_known = self.headers.get("Authorization") == "Basic bmFtZTpwdw=="  # name:pw
        is_planned = self.planned in asked["deployments"]["name"]["any_"]
        runs = [{"id": "1", "expected_start_time": "2027-01-01T03:00:00Z"}] if is_planned else []
        self.send_response(200 if is_known else 401)
        self.end_headers()
        self.wfile.write(json.dumps(runs).encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def team_server(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Prefect]]:
    with HTTPServer(("127.0.0.1", 0), _Prefect) as server:
        monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
        Thread(target=server.serve_forever, daemon=True).start()
        yield _Prefect
        server.shutdown()


def test_a_server_with_an_account_is_asked_with_that_of_schedule_env(
    team_server: type[_Prefect], fed_home: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    team_server.planned = name_deployment(fed_home.home)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "name:pw")  # which no unit would see
    with pytest.raises(UsageError, match=r"PREFECT_API_AUTH_STRING=… into .*schedule\.env"):
        require_account(fed_home)
    monkeypatch.delenv("PREFECT_API_AUTH_STRING")
    fed_home.schedule_secrets.write_text("PREFECT_API_AUTH_STRING=name:pw\n")
    require_account(fed_home)
    found = read_prefect(fed_home)
    assert found is not None
    assert found.due_at == datetime(2027, 1, 1, 3, tzinfo=UTC)


def test_homes_on_one_server_have_pools_deployments_and_schedules_of_their_own(
    team_server: type[_Prefect], fed_home: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "name:pw")
    other = fed_home.home.with_name("other")
    team_server.planned = name_deployment(other)
    found = read_prefect(fed_home)
    assert found is not None
    assert found.due_at is None
    ours, theirs = (
        deployments.read_deployments(name_pool(home), name_deployment(home), None)["deployments"]
        for home in (fed_home.home, other)
    )
    names = [{(one["name"], one["work_pool"]["name"]) for one in named} for named in (ours, theirs)]
    assert [len(found) for found in names] == [1, 1]
    assert names[0] != names[1]


def test_on_a_server_of_the_home_deployments_are_named_after_their_flows(
    fed_home: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    pool, nightly = name_pool(fed_home.home), name_deployment(fed_home.home)
    named = deployments.read_deployments(pool, nightly, [])["deployments"]
    assert {one["name"] for one in named} == {"nightly", "ingest", "extract", "train", "classify"}
    assert [one["schedules"] for one in named if one["name"] == "nightly"] == [[]]
    assert {one["work_pool"]["name"] for one in named} == {"genreflow"}


def test_a_schedule_of_prefect_is_removed_without_a_server(
    genreflow: Call, machine: Path, fed_home: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    monkeypatch.setenv("HOME", str(machine.parent))
    cron.keep(plan_night(fed_home, AT), ("ui", "--worker"))
    assert "of Prefect is removed" in genreflow("schedule", "--remove").out
    assert not machine.exists()
    assert not (machine.parent / ".prefect").exists()
    assert not fed_home.prefect.exists()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it outlives us
def test_what_a_person_starts_in_prefect_is_started_by_no_schedule(
    machine: Path, fed_home: DataLayout, tmp_path: Path
) -> None:
    program, found = tmp_path / "program", tmp_path / "found"
    program.write_text(f"#!/bin/sh\nenv > {found}.part; mv {found}.part {found}\n")
    program.chmod(0o700)
    plan = replace(plan_night(fed_home, AT), program=str(program))
    deployments.start_kept(plan)
    ends_s = time.monotonic() + 30
    while not found.exists() and time.monotonic() < ends_s:
        time.sleep(0.02)
    names = {line.partition("=")[0] for line in found.read_text().splitlines()}
    assert (SCHEDULED in names, SECRETS in names) == (False, True)


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


def test_a_run_that_starts_before_it_is_due_is_named_by_when_it_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime.now().astimezone()
    for due_at in (now + timedelta(minutes=2), now - timedelta(hours=2)):  # early, and late
        monkeypatch.setattr(flow_run, "scheduled_start_time", due_at.astimezone(UTC))
        expected = max(due_at, datetime.now().astimezone())
        assert name_night() in {
            f"{at:%Y-%m-%d-%H%M}" for at in (expected, expected + timedelta(seconds=5))
        }

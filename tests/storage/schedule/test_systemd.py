"""Units of systemd: what systemd makes of them, and a timer that starts a real run."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from genre_core.errors import UsageError
from storage.schedule import systemd
from storage.schedule.plan import Plan, name_of

ROOT = Path(__file__).resolve().parents[3]
MANAGER = Path("/lib/systemd/systemd")
NAMESPACE = """
mount --make-rprivate /; mount -t proc proc /proc; mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup; mkdir -p /run/user/0 /run/systemd/system
dbus-daemon --session --address=unix:path=/run/user/0/bus --fork --nopidfile
/lib/systemd/systemd --user --log-target=null & sleep 3; exec "$@"
"""
"""A manager of units for root, in a namespace of its own; what it starts ends with it."""
LONGEST_S = 150


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))  # where no manager listens
    folder = systemd.folder()
    folder.mkdir(parents=True)
    return folder


def _write(plan: Plan, folder: Path) -> None:
    for name, text in systemd.write_units(plan).items():
        (folder / name).write_text(text, "utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_accepts_the_units_whatever_the_paths_hold(plan: Plan, units: Path) -> None:
    _write(plan, units)
    verified = subprocess.run(
        ["systemd-analyze", "--user", "verify", *map(str, sorted(units.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    # it reads the units of other programs too, and complains of theirs
    ours = [line for line in verified.stderr.splitlines() if name_of(plan.home) in line]
    assert (verified.returncode, ours) == (0, [])


def test_words_are_escaped_as_systemd_reads_them(plan: Plan) -> None:
    odd = replace(
        plan,
        program="/p 5%",
        home=Path('/h $a "b"'),
        night=('$a "b" 5% \\',),
        variables={"A": "$1"},
    )
    service = systemd.write_units(odd)[f"{name_of(odd.home)}.service"].splitlines()
    assert r'ExecStart="/p 5%%" "$$a \"b\" 5%% \\"' in service
    assert 'Environment="A=$1"' in service


def test_a_run_gets_what_others_leave_and_tells_if_it_fails(plan: Plan) -> None:
    name = name_of(plan.home)
    units = systemd.write_units(plan)
    service = units[f"{name}.service"].splitlines()
    assert {"Nice=10", "IOSchedulingClass=idle", "MemoryMax=75%", "TimeoutStopSec=30"} < {*service}
    assert f"OnFailure={name}-failed.service" in service
    assert "Persistent=true" in units[f"{name}.timer"]
    assert '"morning" "--failed"' in units[f"{name}-failed.service"]


def test_a_timer_is_found_by_its_home_and_only_what_is_ours_is_removed(
    plan: Plan, units: Path
) -> None:
    _write(plan, units)
    name = name_of(plan.home)
    wanted = units / "timers.target.wants"
    wanted.mkdir()
    (wanted / f"{name}.timer").symlink_to(units / f"{name}.timer")
    (units / f"{name}.service").write_text("[Service]\nExecStart=/bin/true\n", "utf-8")

    found = systemd.find(plan.home)

    assert found is not None
    assert found.at == plan.at
    assert "No manager of systemd answers" in found.fault
    assert systemd.find(units) is None
    assert systemd.remove(plan.home)
    assert [path.name for path in units.rglob("genreflow-*")] == [f"{name}.service"]
    assert not systemd.remove(plan.home)


def test_a_control_character_is_refused(plan: Plan) -> None:
    with pytest.raises(UsageError, match="control character"):
        replace(plan, folder=Path("/a\nExecStart=/bin/sh"))


@pytest.fixture
def in_namespace(tmp_path: Path) -> Iterator[list[str]]:
    missing = [name for name in ("unshare", "dbus-daemon") if shutil.which(name) is None]
    if os.getuid() or missing or not MANAGER.exists():
        pytest.skip("a manager of one's own needs root, unshare, dbus-daemon and systemd")
    settings = {"XDG_RUNTIME_DIR": "/run/user/0", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    words = [f"{name}={value}" for name, value in settings.items()]
    words += ["DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/0/bus", f"PYTHONPATH={ROOT}"]
    namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--cgroup"]
    return ["env", *words, *namespace, "bash", "-c", NAMESPACE, "bash", sys.executable, "-c"]


@pytest.mark.long
def test_the_timer_of_a_real_manager_starts_the_program_as_planned(
    plan: Plan, in_namespace: list[str]
) -> None:
    at = (datetime.now() + timedelta(seconds=75)).time().replace(second=0, microsecond=0)
    planned = replace(plan, at=at)
    program = f"""
import time
from datetime import time as T
from pathlib import Path, PosixPath
from types import MappingProxyType
from storage.schedule import systemd
from storage.schedule.plan import Plan
import datetime
plan = {planned!r}
systemd.install(plan)
assert systemd.find(plan.home).fault == "", systemd.find(plan.home)
ends = time.monotonic() + {LONGEST_S}
while not (plan.folder / "done").exists() and time.monotonic() < ends:
    time.sleep(0.5)
assert systemd.remove(plan.home) and systemd.find(plan.home) is None
"""
    begun_s = time.monotonic()
    subprocess.run([*in_namespace, program], check=True, timeout=2 * LONGEST_S)
    printed = (plan.folder / "done").read_text("utf-8").splitlines()
    assert printed == [str(plan.folder), *plan.night, plan.variables["NAME"]]
    assert plan.log.exists()
    assert time.monotonic() - begun_s < LONGEST_S

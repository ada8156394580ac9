"""Lines of cron: other lines stay byte for byte, and /bin/sh runs ours as planned."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from genre_core.errors import UsageError
from storage.schedule import cron
from storage.schedule.plan import Plan
from tests.crontab import put_crontab

ROOT = Path(__file__).resolve().parents[3]
OTHERS = b'SHELL=/bin/false\nMAILTO=""\n\n# mine, 100 %\n5 5 1 1 *\techo "a  b" \\%\xff\n'
NAMESPACE = """
mount --make-rprivate /; mount -t proc proc /proc; mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/spool/cron; install -d -m 1730 -g crontab /var/spool/cron/crontabs
crontab "$0"; cron -f & "$@"; crontab -l | cmp - "$0"
"""
LONGEST_S = 150


@pytest.fixture
def crontab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return put_crontab(tmp_path, monkeypatch)


def test_other_lines_stay_as_they_are_when_a_schedule_comes_moves_and_goes(
    plan: Plan, crontab: Path
) -> None:
    crontab.write_bytes(OTHERS)
    other = replace(plan, home=plan.home / "another home")

    cron.install(plan)
    cron.install(other)
    cron.install(replace(plan, at=other.at.replace(hour=4)))

    found = cron.find(plan.home)
    assert found is not None
    assert (found.at.hour, found.at.minute) == (4, 5)
    written = crontab.read_bytes()
    assert (written.endswith(OTHERS), written.count(b" * * * export")) == (True, 2)
    assert cron.remove(plan.home)
    assert (cron.find(plan.home), cron.remove(plan.home)) == (None, False)
    assert cron.remove(other.home)
    assert crontab.read_bytes() == OTHERS


def test_without_a_crontab_one_is_made_and_removed_again(plan: Plan, crontab: Path) -> None:
    cron.install(plan)
    assert crontab.exists()
    assert cron.remove(plan.home)
    assert not crontab.exists()


def _shell_command(crontab: Path) -> str:
    """Return what cron gives to /bin/sh: no time, and a percent sign for an escaped one."""
    (line,) = [line for line in crontab.read_text("utf-8").splitlines() if line[:1] != "#"]
    command = line.split(maxsplit=5)[5]
    assert "%" not in command.replace(r"\%", "")
    return command.replace(r"\%", "%")


@pytest.mark.parametrize(("night", "printed"), [("night", "night"), ("fails", "morning")])
def test_the_shell_runs_the_line_as_planned_and_tells_of_a_failure(
    plan: Plan, crontab: Path, night: str, printed: str
) -> None:
    planned = replace(plan, night=(night, "--home", str(plan.home)))
    cron.install(planned)
    subprocess.run(["/bin/sh", "-c", _shell_command(crontab)], env={}, cwd="/", check=False)
    ran = (plan.folder / "done").read_text("utf-8").splitlines()
    assert (ran[:2], ran[-1]) == ([str(plan.folder), printed], plan.variables["NAME"])
    assert plan.log.exists()


@pytest.mark.parametrize("missing", ["folder", "log"])
def test_a_night_without_its_folder_or_log_is_reported_as_failed(
    plan: Plan, crontab: Path, tmp_path: Path, missing: str
) -> None:
    place = {"folder": tmp_path / "gone", "log": tmp_path / "gone" / "log"}[missing]
    cron.install(replace(plan, **{missing: place}))
    command = _shell_command(crontab)
    subprocess.run(["/bin/sh", "-c", command], env={}, cwd=plan.folder, check=False)
    assert (plan.folder / "done").read_text("utf-8").splitlines()[1:3] == [*plan.failed]


def test_a_command_that_cron_would_cut_is_refused(plan: Plan, crontab: Path) -> None:
    with pytest.raises(UsageError, match="998"):
        cron.install(replace(plan, variables={"PATH": "x" * 900}))
    assert not crontab.exists()


@pytest.mark.long
def test_the_daemon_of_cron_starts_the_program_as_planned(plan: Plan, tmp_path: Path) -> None:
    missing = [name for name in ("unshare", "cron", "crontab") if shutil.which(name) is None]
    if os.getuid() or missing:
        pytest.skip("a daemon of one's own needs root, unshare and cron")
    others = tmp_path / "others"
    others.write_bytes(OTHERS)
    at = (datetime.now() + timedelta(seconds=65)).time().replace(second=0, microsecond=0)
    program = f"""
import datetime, time
from pathlib import Path, PosixPath
from storage.schedule import cron
from storage.schedule.plan import Plan
plan = {replace(plan, at=at)!r}
assert cron.is_usable()
cron.install(plan)
assert cron.find(plan.home).fault == ""
ends = time.monotonic() + {LONGEST_S}
while not (plan.folder / "done").exists() and time.monotonic() < ends:
    time.sleep(0.5)
assert cron.remove(plan.home)
"""
    namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "bash", "-c", NAMESPACE]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [*namespace, str(others), sys.executable, "-c", program]
    subprocess.run(words, check=True, timeout=2 * LONGEST_S, env=environment)
    printed = (plan.folder / "done").read_text("utf-8").splitlines()
    assert printed == [str(plan.folder), *plan.night, plan.variables["NAME"]]

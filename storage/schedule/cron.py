"""Lines in the crontab of the user of a home, between marks; all other lines stay as they are."""

import re
import shlex
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import time
from pathlib import Path

import psutil

from genre_core.errors import GenreflowError, UsageError
from storage.schedule.plan import Found, Plan, call, name_of, require_success

DAEMONS = {"cron", "crond", "fcron", "cronie", "bcron-sched", "dcron"}
MAX_COMMAND = 998
"""Letters of a command that cron takes."""
_AT = re.compile(rb"^(\d+) (\d+) \* \* \*", re.MULTILINE)


def is_usable() -> bool:
    """Whether this user may have a crontab, and a daemon runs that reads it."""
    with suppress(GenreflowError):
        _read_crontab()
        return has_daemon()
    return False


def has_daemon() -> bool:
    """Whether a daemon of cron runs, as far as this user sees."""
    return any(process.info["name"] in DAEMONS for process in psutil.process_iter(["name"]))


def install(plan: Plan) -> None:
    """Write the line of a plan into the crontab; that of a former plan is replaced."""
    # a folder or a log that is not there is a failure to report, too
    night, failed = _run(plan, plan.night), _run(plan, plan.failed)
    command = f"{_enter(plan)} && {night} >>{_log(plan)} 2>&1 || {failed}"
    _write_lines(plan, f"{plan.at.minute} {plan.at.hour} * * * ", command)


def keep(plan: Plan, words: Sequence[str]) -> None:
    """Start a command of a plan's program after each reboot."""
    _write_lines(
        plan, "@reboot ", f"{_enter(plan)} && exec {_run(plan, words)} >>{_log(plan)} 2>&1"
    )


def find(home: Path) -> Found | None:
    """Return the nightly line of a home; None if there is none."""
    at = _AT.search(_block(home))
    if not at:
        return None
    fault = "" if has_daemon() else "No daemon of cron runs here, so nothing starts it now."
    return Found(at=time(int(at[2]), int(at[1])), where="crontab -l", fault=fault)


def is_kept(home: Path) -> bool:
    """Whether a command is started after each reboot for a home (`keep`)."""
    return b"\n@reboot " in _block(home)


def remove(home: Path) -> bool:
    """Remove the lines of a home; whether there were any."""
    try:
        before = _read_crontab()
    except GenreflowError:
        return False
    after = _pattern(home).sub(b"", before)
    if after == before:
        return False
    _write_crontab(after)
    return True


def _enter(plan: Plan) -> str:
    """Return the shell's words that set a plan's variables and enter its folder."""
    variables = (f"{name}={shlex.quote(text)}" for name, text in plan.variables.items())
    return f"export {' '.join(variables)}; cd {shlex.quote(str(plan.folder))}"


def _log(plan: Plan) -> str:
    return shlex.quote(str(plan.log))


def _run(plan: Plan, words: Sequence[str]) -> str:
    return f"nice {shlex.join((plan.program, *words))}"


def _write_lines(plan: Plan, when: str, command: str) -> None:
    """Write a line between marks, first of all: variables that others set above do not apply."""
    escaped = command.replace("%", r"\%")
    if len(escaped.encode()) > MAX_COMMAND:
        raise UsageError(
            f"The command is longer than the {MAX_COMMAND} letters that cron takes. Set a shorter "
            "PATH (PATH=/usr/local/bin:/usr/bin:/bin genreflow schedule …), or put variables of "
            "GENREFLOW_… into genreflow.toml."
        )
    begin, end = _marks(plan.home, f"written by `genreflow schedule` for {plan.home}")
    text = f"{begin}\n{when}{escaped}\n{end}\n".encode()
    _write_crontab(text + _pattern(plan.home).sub(b"", _read_crontab()))


def _marks(home: Path, remark: str = "") -> tuple[str, str]:
    name = name_of(home)
    return f"# {name} begin{f': {remark}' if remark else ''}", f"# {name} end"


def _pattern(home: Path) -> "re.Pattern[bytes]":
    first, last = (re.escape(mark.encode()) for mark in _marks(home))
    return re.compile(rb"^%b\b[^\n]*\n(?:[^\n]*\n)*?%b\n" % (first, last), re.MULTILINE)


def _block(home: Path) -> bytes:
    """Return what stands between the marks of a home; empty without marks, or without crontab."""
    with suppress(GenreflowError):
        found = _pattern(home).search(_read_crontab())
        return found[0] if found else b""
    return b""


def _read_crontab() -> bytes:
    """Return the crontab of this user; a `GenreflowError` if there can be none."""
    if shutil.which("crontab") is None:
        raise GenreflowError("There is no `crontab` on this machine.")
    ended = call(("crontab", "-l"))
    if ended.returncode and b"no crontab for" not in ended.stderr:
        complaint = ended.stderr.decode(errors="replace").strip()
        raise GenreflowError(f"`crontab -l` failed: {complaint}")
    return b"" if ended.returncode else ended.stdout


def _write_crontab(text: bytes) -> None:
    if text:
        require_success(("crontab", "-"), text)
    else:
        require_success(("crontab", "-r"))

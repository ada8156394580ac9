"""Units of systemd for the user of a home: a timer, its service, and what reports a failure."""

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import time
from pathlib import Path

from genre_core.errors import GenreflowError, UsageError
from storage.files import write_bytes
from storage.schedule.plan import Found, Plan, call, name_of, require_success

MARK = "# Written by `genreflow schedule`, which replaces and removes it."
SYSTEMCTL = ("systemctl", "--user")
_AT = re.compile(r"^OnCalendar=\*-\*-\* (\d\d):(\d\d):00$", re.MULTILINE)

# A night works for hours beside people: it gets what is left of the cores and of the disk, and is
# ended before it drives others out of memory. SIGTERM ends it at once, and nothing is lost.
_LIMITS = """Nice=10
IOSchedulingClass=idle
MemoryMax=75%
TimeoutStopSec=30"""

_SERVICE = """{mark}
[Unit]
Description=Nightly run of genreflow in {home}
OnFailure={name}-failed.service

[Service]
Type=exec
{start}
{limits}
"""
_TIMER = """{mark}
[Unit]
Description=Nightly run of genreflow in {home}, every day at {at:%H:%M}

[Timer]
OnCalendar=*-*-* {at:%H:%M}:00
AccuracySec=1s
Persistent=true
Unit={name}.service

[Install]
WantedBy=timers.target
"""
_FAILED = """{mark}
[Unit]
Description=Report that the nightly run of genreflow in {home} failed

[Service]
Type=exec
{start}
TimeoutStopSec=30
"""
_SERVER = """{mark}
[Unit]
Description=Prefect of genreflow for {home}: server, deployments, worker
After=network-online.target

[Service]
Type=exec
{start}
Restart=on-failure
RestartSec=10
TimeoutStopSec=60

[Install]
WantedBy=default.target
"""


def is_reachable() -> bool:
    """Whether a manager of units of this user answers."""
    if shutil.which(SYSTEMCTL[0]) is None:
        return False
    with suppress(GenreflowError):
        return call((*SYSTEMCTL, "show-environment")).returncode == 0
    return False


def lingers() -> bool:
    """Whether the units of this user run while nobody is logged in."""
    with suppress(GenreflowError):
        ended = call(("loginctl", "show-user", str(os.getuid()), "--property=Linger", "--value"))
        return ended.stdout.strip() == b"yes"
    return False


def install(plan: Plan) -> None:
    """Write the units of a plan and start its timer; those of a former plan are replaced."""
    require_success((*SYSTEMCTL, "show-environment"))
    _write_units(write_units(plan))
    timer = f"{name_of(plan.home)}.timer"
    require_success((*SYSTEMCTL, "enable", timer))
    require_success((*SYSTEMCTL, "restart", timer))


def write_units(plan: Plan) -> dict[str, str]:
    """Return the text of each unit of a plan, by its name."""
    name = name_of(plan.home)
    known = {"mark": MARK, "home": _specify(str(plan.home)), "name": name, "at": plan.at}
    return {
        f"{name}.service": _SERVICE.format(start=_start(plan, plan.night), limits=_LIMITS, **known),
        f"{name}.timer": _TIMER.format(**known),
        # in the journal: a home that is not there may be what failed
        f"{name}-failed.service": _FAILED.format(
            start=_start(plan, plan.failed, logs=False), **known
        ),
    }


def keep(plan: Plan, words: Sequence[str]) -> None:
    """Keep a command of a plan's program running, also after a reboot."""
    name = f"{name_of(plan.home)}-prefect.service"
    home = _specify(str(plan.home))
    _write_units({name: _SERVER.format(mark=MARK, home=home, start=_start(plan, words))})
    require_success((*SYSTEMCTL, "enable", name))
    require_success((*SYSTEMCTL, "restart", name))


def find(home: Path) -> Found | None:
    """Return the timer of a home; None if there is none of ours."""
    timer = folder() / f"{name_of(home)}.timer"
    found = _AT.search(_read(timer))
    if not found:
        return None
    fault = ""
    if not is_reachable():
        fault = "No manager of systemd answers for this user, so nothing starts it now."
    elif call((*SYSTEMCTL, "is-active", timer.name)).returncode:
        fault = f"The timer does not run: see `systemctl --user status {timer.name}`."
    at = time(int(found[1]), int(found[2]))
    return Found(at=at, where=f"systemctl --user status {timer.name}", fault=fault)


def is_kept(home: Path) -> bool:
    """Whether a command is kept running for a home (`keep`)."""
    return bool(_read(folder() / f"{name_of(home)}-prefect.service"))


def remove(home: Path) -> bool:
    """Stop and remove the timer of a home with its services; whether there was one.

    A night that runs is not stopped. Files of these names that others wrote stay.
    """
    name = name_of(home)
    return _remove(f"{name}.timer", f"{name}.service", f"{name}-failed.service")


def release(home: Path) -> bool:
    """Stop and remove what `keep` keeps running; whether there was such a thing."""
    return _remove(f"{name_of(home)}-prefect.service")


def edits(home: Path) -> list[Path]:
    """Return the folders of what `systemctl edit` added to the units of a home."""
    return sorted(folder().glob(f"{name_of(home)}*.d"))


def _remove(enabled: str, *others: str) -> bool:
    units = [folder() / name for name in (enabled, *others)]
    ours = [unit for unit in units if _read(unit)]
    if not ours:
        return False
    is_reached = is_reachable()
    if is_reached and units[0] in ours:
        require_success((*SYSTEMCTL, "disable", "--now", enabled))
    for unit in ours:
        for link in unit.parent.glob(f"*.wants/{unit.name}"):  # without a manager, nobody else does
            link.unlink(missing_ok=True)
        unit.unlink(missing_ok=True)
    if is_reached:
        require_success((*SYSTEMCTL, "daemon-reload"))
    return True


def folder() -> Path:
    """Return where a user's units are."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "systemd/user"


def _write_units(units: dict[str, str]) -> None:
    for name, text in units.items():
        path = folder() / name
        if path.exists() and not _read(path):
            raise UsageError(f"{path} was not written by genreflow. Rename it, then try again.")
        try:
            write_bytes(path, text.encode())
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
    require_success((*SYSTEMCTL, "daemon-reload"))


def _read(unit: Path) -> str:
    """Return the text of a unit that is ours; empty if there is none."""
    try:
        text = unit.read_text("utf-8")
    except (OSError, ValueError):
        return ""
    return text if text.startswith(MARK) else ""


def _start(plan: Plan, words: Sequence[str], *, logs: bool = True) -> str:
    """Return the lines of a service that start a command of a plan's program."""
    others = (plan.program, *words)
    if set("'\"\\") & set(plan.program):  # which systemd takes in no program's name
        first, others = "/bin/sh", ("-c", 'exec "$0" "$@"', *others)
    else:  # where it finds no variable
        first, others = plan.program, tuple(words)
    command = [_quote(first), *(_quote(word).replace("$", "$$") for word in others)]
    variables = [_quote(f"{name}={text}") for name, text in plan.variables.items()]
    log = f"append:{_specify(str(plan.log))}"
    output = (f"StandardOutput={log}", f"StandardError={log}") if logs else ()
    return "\n".join(
        (
            f"WorkingDirectory={'' if logs else '-'}{_specify(str(plan.folder))}",
            *(f"Environment={variable}" for variable in variables),
            f"ExecStart={' '.join(command)}",
            *output,
        )
    )


def _quote(text: str) -> str:
    """Return a text as one word of systemd.syntax(7), without specifiers."""
    escaped = _specify(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _specify(text: str) -> str:
    """Return a text in which systemd.unit(5) finds no specifier."""
    return text.replace("%", "%%")

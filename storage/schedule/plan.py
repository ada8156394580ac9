"""What is scheduled: a program, a home, a time of day; and calls of the programs that schedule."""

import hashlib
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

from genre_core.errors import GenreflowError, UsageError

LONGEST_CALL_S = 30.0
SCHEDULED = "_GENREFLOW_SCHEDULED"
"""Variable with which systemd and cron start a nightly run."""
BEGUN = "The scheduled night begins"
"""First line in the log of each."""
SECRETS = "_GENREFLOW_SECRETS"
"""Variable that names the file of further variables to what a schedule starts."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A program to start every day at a time (local), in a folder, with variables.

    ``night`` and ``failed`` are the words of the commands of a nightly run, and of what
    reports that it failed; ``log`` is the file that both print to.
    """

    home: Path
    at: time
    program: str
    folder: Path
    variables: Mapping[str, str]
    night: tuple[str, ...]
    failed: tuple[str, ...]
    log: Path

    def __post_init__(self) -> None:
        texts = (self.program, str(self.folder), str(self.log), *self.variables.values())
        if odd := [text for text in texts if _UNSAFE.search(text)]:
            raise UsageError(f"{odd[0]!r} holds a control character, which no schedule can hold.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A schedule that is there: when it starts, and why it would not; ``where`` to look at it."""

    at: time
    where: str
    fault: str = ""


def is_scheduled() -> bool:
    """Whether systemd or cron has started this process by a schedule."""
    return SCHEDULED in os.environ


def read_secrets(file: Path) -> dict[str, str]:
    """Return the variables of a ``schedule.env``, lines of ``NAME=value``; none without it."""
    if not file.is_file():
        return {}
    from dotenv import dotenv_values

    found = dotenv_values(file, interpolate=False)
    return {name: text for name, text in found.items() if text is not None}


def require_private(file: Path) -> None:
    """Refuse a ``schedule.env`` that others may read."""
    if file.is_file() and file.stat().st_mode & 0o077:
        raise UsageError(f"Others may read {file}, which is for secrets: chmod 600 {file}")


def use_secrets() -> None:
    """Set the variables of ``schedule.env`` in a process that a schedule has started."""
    if SECRETS in os.environ:
        os.environ.update(read_secrets(Path(os.environ[SECRETS])))


def name_of(home: Path) -> str:
    """Return the name of what is scheduled for a home; each home of a machine has its own."""
    return f"genreflow-{hashlib.sha256(os.fsencode(home)).hexdigest()[:8]}"


def next_at(at: time, now: datetime) -> datetime:
    """Return the first moment after ``now`` at a time of day, in the same time zone."""
    days = (now.date() + timedelta(days=n) for n in (0, 1, 2))
    moments = (datetime.combine(day, at).astimezone() for day in days)
    return next(moment for moment in moments if moment > now)


def read_time(text: str) -> time:
    """Return a time of day written as ``HH:MM``; a UsageError if it is none."""
    if not (found := re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text, re.ASCII)):
        raise UsageError(f"{text!r} is no time of day. Write hours and minutes: --at 03:00.")
    return time(int(found[1]), int(found[2]))


def call(words: Sequence[str], given: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
    """Call a program; one that is missing or does not end in time is a `GenreflowError`."""
    environment = {**os.environ, "LC_ALL": "C"}
    runtime = f"/run/user/{os.getuid()}"
    if "XDG_RUNTIME_DIR" not in os.environ and Path(runtime).is_dir():  # after `su`
        environment["XDG_RUNTIME_DIR"] = runtime
    try:
        return subprocess.run(
            list(words),
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            env=environment,
            timeout=LONGEST_CALL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GenreflowError(f"`{words[0]}` cannot be called: {error}.") from error


def require_success(
    words: Sequence[str], given: bytes | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Call a program; a `GenreflowError` with what it complains of, if it does."""
    ended = call(words, given)
    if ended.returncode:
        complaint = ended.stderr.decode(errors="replace").strip() or f"exit code {ended.returncode}"
        raise GenreflowError(f"`{' '.join(words)}` failed: {complaint}")
    return ended

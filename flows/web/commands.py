"""Commands of genreflow that a page starts, each in a process that outlives the page."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from flows.cli.app import extra_of
from flows.printed import find_complaint, read_end
from genre_core.errors import TransientError
from storage.extras import ExtraMissing, describe_missing, is_installed
from storage.home import DataLayout

_PROGRAM = "import sys; from flows.cli.start import main; sys.exit(main())"
_SECRET = "GENREFLOW_WEB_PASSWORD"


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was started, and the file that it prints to."""

    words: tuple[str, ...]
    log: Path
    process: "subprocess.Popen[bytes]"
    started_at: datetime

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self.process.poll() is None

    @property
    def has_failed(self) -> bool:
        """Whether it ended with an error."""
        return bool(self.process.poll())

    @property
    def shown(self) -> str:
        """The command as it is typed."""
        return " ".join(("genreflow", *self.words))

    @property
    def lines(self) -> list[str]:
        """The last lines that it printed."""
        return read_end(self.log)

    @property
    def sentence(self) -> str:
        """Why it failed, or what it printed last: its result."""
        lines = self.lines or ["The command has ended without a message."]
        last = find_complaint(lines) if self.has_failed else lines[-1]
        return last.replace(str(self.log.parent), "the home")


@dataclass(slots=True)
class Commands:
    """The commands that this server has started, the last one of each name."""

    last: dict[str, Command] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def start(self, layout: DataLayout, words: tuple[str, ...]) -> Command:
        """Start a command on a home.

        `TransientError` if one of this name runs already, `ExtraMissing` if its extra is missing.
        """
        name = words[0]
        require_startable(name)
        with self._lock:
            if name in self.last and self.last[name].is_running:
                raise TransientError(f"`{self.last[name].shown}` runs; wait until it has ended.")
            log = log_of(layout, name)
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, "-c", _PROGRAM, *words, "--home", str(layout.home)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={name: text for name, text in os.environ.items() if name != _SECRET},
                    start_new_session=True,  # Ctrl-C at the server does not reach it
                )
            self.last[name] = Command(words, log, process, datetime.now(UTC))
            return self.last[name]


def describe_lack(name: str) -> str:
    """Return what to install before a command can be started; empty if nothing is missing."""
    extra = extra_of(name)
    if not extra or is_installed(extra):
        return ""
    return describe_missing(extra, f"`genreflow {name}`")


def require_startable(name: str) -> None:
    """Raise `ExtraMissing` if the extra of a command is not installed."""
    if lack := describe_lack(name):
        raise ExtraMissing(lack)


def log_of(layout: DataLayout, name: str) -> Path:
    """Return the file in a home that a command which a page started prints to."""
    return layout.home / f".{name}.log"

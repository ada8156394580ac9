"""Entry point of ``genreflow``: signals and standard error are set before any slow import."""

import faulthandler
import io
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from importlib import import_module
from types import FrameType
from typing import Any, BinaryIO

from genre_core.locations import printable

STOPPED = 130
SENTENCE = "Stopped. What was finished is kept; run the same command again to resume."
STARTING = "Starting"
ALONE = ("classify",)
"""Commands that are imported without the others, whose import takes longer than their work."""
SERVERS = ("ui", "serve", "web")
NOISY = (*SERVERS, "--verbose", "-v")
"""Commands and options that show what libraries and servers write to standard error."""

_COLOUR = re.compile(r"(\r|\x1b\[(?:[0-9;]*m|\?25[lh]|[0-9]*[AK]))")
"""What Rich writes itself: colours, and the cursor of progress bars."""


class Guarded(io.TextIOWrapper):
    """Standard output or error that obeys no control sequence but those of Rich.

    `tasks/terminal.py` guards what genreflow prints; this, tracebacks and libraries, too.
    """

    def write(self, text: str) -> int:
        """Write a text with other control characters as escapes."""
        is_coloured = self.isatty() or "FORCE_COLOR" in os.environ
        parts = _COLOUR.split(text) if is_coloured else [text]
        shown = [part if nth % 2 else printable(part) for nth, part in enumerate(parts)]
        super().write("".join(shown))
        return len(text)


def guard(stream: BinaryIO) -> Guarded:
    """Return a text stream on a binary one; a name that its encoding lacks is escaped as well."""
    encoding = getattr(sys.stdout, "encoding", None)
    return Guarded(stream, encoding, errors="backslashreplace", line_buffering=True)


def stop_on_signals() -> None:
    """End at the first Ctrl-C, SIGTERM or SIGHUP, without waiting for threads or for Prefect.

    A process may die anywhere: the next run repeats what was not recorded.
    """
    handle_signals(_stop)


def handle_signals(handler: Callable[[int, FrameType | None], Any]) -> None:
    """Let a function handle what stops a process; ``nohup`` keeps SIGHUP ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def keep_signals() -> None:
    """Keep Prefect from taking SIGTERM over while a flow runs: it would wait for the threads."""
    import prefect.flow_engine

    prefect.flow_engine.capture_sigterm = nullcontext  # type: ignore[attr-defined, assignment]


def _stop(number: int, _frame: FrameType | None) -> None:
    # None while it is being imported
    if kill_server := getattr(sys.modules.get("flows.engine"), "kill_server", None):
        kill_server()
    with suppress(OSError):  # the terminal may be closed
        sys.stderr.write(f"\n{stopped_sentence()}\n")
        sys.stdout.flush()
        sys.stderr.flush()
    # sys.exit would wait for the chunks that threads are working on, up to 64 songs each
    if number == signal.SIGINT:
        os._exit(STOPPED)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def stopped_sentence() -> str:
    """Return the last sentence of a stopped command; a server has nothing to resume."""
    return "Stopped." if set(SERVERS) & set(sys.argv[1:]) else SENTENCE


def quiet_libraries() -> None:
    """Reserve standard error for Python: what C++ writes to file descriptor 2 is dropped.

    TensorFlow and LiteRT write there before, or without, any setting. To be called once, before
    other threads run.
    """
    visible = os.dup(2)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a device
        os.dup2(nowhere.fileno(), 2)
    sys.stderr = guard(open(visible, "wb"))  # noqa: PTH123, SIM115
    faulthandler.enable(sys.stderr)


@contextmanager
def show_wait() -> Iterator[None]:
    """Show a person at a terminal that the command has begun, until it has words of its own."""
    is_shown = sys.stderr is not None and sys.stderr.isatty()
    if is_shown:
        sys.stderr.write(f"{STARTING}\r")
    yield
    if is_shown:
        sys.stderr.write(f"{' ' * len(STARTING)}\r")


def choose_logs() -> None:
    """Have logs be JSON lines if the option is there, wherever it stands."""
    from tasks import logs

    os.environ.pop(logs.CHOSEN, None)
    if logs.OPTION in sys.argv[1:]:
        sys.argv.remove(logs.OPTION)
        os.environ[logs.CHOSEN] = "true"


def main() -> None:
    """Run the command line."""
    stop_on_signals()
    choose_logs()
    from storage.schedule.plan import use_secrets

    use_secrets()
    if sys.stdout:
        sys.stdout = guard(sys.stdout.buffer)
    if not set(NOISY) & set(sys.argv[1:]):
        quiet_libraries()
    elif sys.stderr:
        sys.stderr = guard(sys.stderr.buffer)
    from tasks.logs import is_json, log_as_json

    if is_json() and sys.stderr:
        log_as_json()
    from flows.engine import run_directly
    from flows.environment import end_orphaned_servers, reach_loopback_directly

    run_directly()
    reach_loopback_directly()
    command = next(iter(sys.argv[1:]), "")
    if command not in ALONE:
        end_orphaned_servers()
    with show_wait():
        import_module(f"flows.cli.{command if command in ALONE else 'main'}")
        from flows.cli.app import main as run

    run()

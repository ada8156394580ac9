"""Entry point of ``genreflow``: Ctrl-C and standard error are set before any slow import."""

import faulthandler
import io
import os
import re
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Any, BinaryIO

from genre_core.locations import printable

STOPPED = 130
SENTENCE = "\nStopped. What was finished is kept; run the same command again to resume.\n"
ALONE = ("classify",)
"""Commands that are imported without the others, whose import takes longer than their work."""
NOISY = ("ui", "serve", "--verbose", "-v")
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


def stop_on_interrupt() -> None:
    """End at the first Ctrl-C, without waiting for threads or for Prefect to report a crash.

    A process may die anywhere: the next run repeats what was not recorded.
    """
    signal.signal(signal.SIGINT, _stop)


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.stderr.write(SENTENCE)
    for server in _embedded_servers():
        server.server_process.kill()
    sys.stdout.flush()
    sys.stderr.flush()
    # sys.exit would wait for the chunks that threads are working on, up to 64 songs each
    os._exit(STOPPED)


def _embedded_servers() -> list[Any]:
    """Servers that Prefect has started, if it is imported."""
    module = sys.modules.get("prefect.server.api.server")
    known = getattr(getattr(module, "SubprocessASGIServer", None), "_instances", {})
    return [server for server in list(known.values()) if server.server_process is not None]


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


def main() -> None:
    """Run the command line."""
    stop_on_interrupt()
    if sys.stdout:
        sys.stdout = guard(sys.stdout.buffer)
    if not set(NOISY) & set(sys.argv[1:]):
        quiet_libraries()
    elif sys.stderr:
        sys.stderr = guard(sys.stderr.buffer)
    command = next(iter(sys.argv[1:]), "")
    import_module(f"flows.cli.{command if command in ALONE else 'main'}")
    from flows.cli.app import main as run

    run()

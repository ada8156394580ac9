"""Where ``genreflow`` begins: Ctrl-C is heeded before anything slow is imported."""

import os
import signal
import sys
from importlib import import_module
from types import FrameType
from typing import Any

STOPPED = 130  # as shells say it
SENTENCE = "\nStopped. What was finished is kept; the same command goes on from there.\n"


def stop_on_interrupt() -> None:
    """Leave at the first Ctrl-C instead of waiting for the orchestrator to report a crash.

    A process may die anywhere: whatever it has not recorded is done again by the next run.
    """
    signal.signal(signal.SIGINT, _stop)


def _stop(_number: int, _frame: FrameType | None) -> None:
    os.write(2, SENTENCE.encode())
    for server in _embedded_servers():
        server.server_process.kill()
    os._exit(STOPPED)


def _embedded_servers() -> list[Any]:
    """Give the servers that Prefect has started, as far as it is imported."""
    module = sys.modules.get("prefect.server.api.server")
    known = getattr(getattr(module, "SubprocessASGIServer", None), "_instances", {})
    return [server for server in list(known.values()) if server.server_process is not None]


ALONE = ("classify",)
"""Commands that are imported without the others, which would take longer than their work."""


def main() -> None:
    """Run the command line."""
    stop_on_interrupt()
    command = next(iter(sys.argv[1:]), "")
    import_module(f"flows.cli.{command if command in ALONE else 'main'}")
    from flows.cli.running import main as run

    run()

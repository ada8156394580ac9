"""Run flows in processes that may die: ``python -m tests.crash.driver``, one request a line.

The libraries are imported once; every request is run by a fork of this process, which ends as its
flows do, is killed at a named point, or is killed after some seconds. The answer is how it ended.
"""

import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from flows.environment import QUIET
from tests.crash.points import arm

PAUSE_S = 0.01


def run(home: Path, music: str, flows: list[str]) -> None:
    """Run flows over a small library, one after the other."""
    from flows.settings import Settings
    from genre_core.signal.fragments import FragmentConfig
    from genre_core.training.rules import TrainingConfig

    config = Settings(
        home=home,
        music=music,
        fragments=FragmentConfig(
            protocol="thesis", n_fragments=3, longest_s=1.0, margin_s=0.5, min_track_s=4.0
        ),
        fragment_lengths_s=(1.0,),
        networks=("dense",),
        training=TrainingConfig(max_epochs=2),
    )
    for name in flows:
        getattr(importlib.import_module(f"flows.{name}"), name)(config)


def answer(request: dict[str, Any]) -> int:
    """Run one request in a fork; give its exit code, negative for a signal."""
    child = os.fork()
    if not child:
        _live(request)
    deadline = time.monotonic() + request.get("killed_after_s", 10_000)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            deadline += 10_000
        time.sleep(PAUSE_S)


def _live(request: dict[str, Any]) -> None:
    os.dup2(2, 1)
    code = 1
    try:
        if request.get("point"):
            arm(request["point"])
        run(Path(request["home"]), request["music"], request["flows"])
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def tell(word: object) -> None:
    """Answer the one who asks."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    os.environ.update({**QUIET, "PREFECT_LOGGING_LEVEL": "ERROR"})
    for module in sys.argv[1:]:
        importlib.import_module(module)
    tell("ready")
    for line in sys.stdin:
        tell(answer(json.loads(line)))

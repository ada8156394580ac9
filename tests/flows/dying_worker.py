"""Loaded by each worker of a cluster: the first to have read a song dies in the middle of it."""

import os
from pathlib import Path

from distributed import Worker

from tests.crash import points

PLACE = "TESTS_DEATH"


def dask_setup(_worker: Worker) -> None:
    """Kill this process at its first song, unless another has died so before."""
    die, death = points.die, Path(os.environ[PLACE])

    def die_once() -> None:
        try:
            death.touch(exist_ok=False)
        except FileExistsError:
            return
        die()

    points.die = die_once
    points.arm("storage.audio.decode:cut_song:after:1")

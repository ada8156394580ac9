"""The long form: ``python -m tests.crash.long [N]`` kills nights and commands; it prints a table.

A fifth of N random moments (60) is drawn evenly over the length of a night that was measured first,
then every named point once, then as many moments of each command of `COMMANDS`. After each, the
same is run again, and the store compared with that which nothing disturbed. The exit code is 1 if
any differs.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prefect.testing.utilities import prefect_test_harness

from storage.catalog.query import query
from storage.home import DataLayout
from tasks.extract import publish_shards
from tests.conftest import SERVER_START_S, write_library
from tests.crash.comparison import Standing, describe, differences, orphans
from tests.crash.driver import tell
from tests.crash.nursery import KILLED, LINE, ROOT, Nursery, open_nursery
from tests.crash.points import EXTRACT, INGEST, LONG_EXTRACT, LONG_INGEST, LONG_TRAIN, TRAIN

N_MOMENTS = 60
SEED = 20_200_601
PROGRAM = [sys.executable, "-c", "from flows.cli.start import main; main()"]
COMMANDS = {
    "backup": "--home home backup kept",
    "restore": "--home restored restore kept",
    "remove": "--home home remove TRACK --yes",
    "tidy": "--home home tidy",
    "promote": "--home home promote --version 1",
    "doctor": "--home home doctor --repair",
}
BEFORE = {"restore": "--home home backup kept"}
AFTER = {"backup": "--home restored restore kept"}
DONE = {"remove": 2, "restore": 2}
"""Exit codes of a command that was killed after its last step, and has nothing left to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """Where a night is to die: at a named point, or after some seconds."""

    point: str = ""
    killed_after_s: float = 1e4

    @property
    def name(self) -> str:
        """What the table says."""
        return self.point or f"after {self.killed_after_s:.2f} s"


def measure(nursery: Nursery, home: Path) -> tuple[Standing, float]:
    """Run a night that nothing disturbs; give what it leaves, and its seconds."""
    start = time.monotonic()
    if nursery.run(home, "nightly"):
        raise SystemExit("The undisturbed night failed; its log is on standard error.")
    seconds = time.monotonic() - start
    return describe(DataLayout(home)), seconds


def deaths(n_moments: int, night_s: float) -> Iterator[Death]:
    """Return moments drawn evenly over a night, then every point."""
    rng = random.Random(SEED)
    for _ in range(n_moments):
        yield Death(killed_after_s=rng.uniform(0, night_s))
    for point in dict.fromkeys(
        (*INGEST, *LONG_INGEST, *EXTRACT, *LONG_EXTRACT, *TRAIN, *LONG_TRAIN)
    ):
        yield Death(point=point)


def try_death(nursery: Nursery, death: Death, home: Path, undisturbed: Standing) -> list[str]:
    """Kill one night, run it again; say in what its store differs."""
    code = nursery.run(home, "nightly", point=death.point, killed_after_s=death.killed_after_s)
    if death.point and code != KILLED:
        return [f"the point was not reached: exit code {code}"]
    if again := nursery.run(home, "nightly"):
        return [f"the second run ended with {again}"]
    layout = DataLayout(home)
    publish_shards.fn(layout)  # as the next extract does: no reader is left of the store before
    left = [f"orphan {name}" for name in sorted(orphans(layout))]
    return [*left, *differences(undisturbed, describe(layout))]


def call(folder: Path, words: str, killed_after_s: float | None = None) -> int:
    """Run a command of genreflow on the homes of a folder; give its exit code."""
    known = DataLayout(folder.with_name("undisturbed"))
    track = query(known, "select min(track_id) from tracks")[1][0][0]
    command = [*PROGRAM, *words.replace("TRACK", track).split()]
    path = {"PYTHONPATH": str(ROOT)}
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **path}, stdout=log, stderr=log
        )
        try:
            return process.wait(killed_after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def try_command(name: str, home: Path, n_moments: int) -> Iterator[tuple[str, list[str]]]:
    """Kill a command at random moments, run it again; say in what its homes differ each time."""
    start = home.with_name("start")
    shutil.copytree(home, start / "home")
    if name == "doctor":
        next((start / "home" / "songs").glob("*/*")).write_bytes(b"spoilt")
    if name in BEFORE:
        call(start, BEFORE[name])
    undisturbed, command_s, code = finish(name, start)
    rng = random.Random(SEED)
    for _ in range(n_moments):
        killed_after_s = rng.uniform(0.2 * command_s, command_s)  # the start is Python's
        homes, _, again = finish(name, start, killed_after_s)
        found = [] if again in (code, DONE.get(name, code)) else [f"it then ended with {again}"]
        for kind, expected in undisturbed.items():
            found += [f"{kind}: {fault}" for fault in differences(expected, homes[kind])]
        yield f"{name} {Death(killed_after_s=killed_after_s).name}", found
    shutil.rmtree(start)


def finish(
    name: str, start: Path, killed_after_s: float | None = None
) -> tuple[dict[str, Standing], float, int]:
    """Run a command to its end on a copy of a folder, killed once if a moment is given.

    Return its homes, the seconds of the last run and its exit code.
    """
    live = start.with_name("live")
    shutil.copytree(start, live)
    if killed_after_s is not None:
        call(live, COMMANDS[name], killed_after_s)
    began = time.monotonic()
    code = call(live, COMMANDS[name])
    seconds = time.monotonic() - began
    if name in AFTER:
        call(live, AFTER[name])
    homes = [home for home in ("home", "restored") if (live / home).exists()]
    standings = {home: describe(DataLayout(live / home)) for home in homes}
    shutil.rmtree(live)
    return standings, seconds, code


def main(n_moments: int) -> int:
    """Run the long form; give the number of deaths that left another store."""
    n_bad = 0
    with tempfile.TemporaryDirectory(prefix="genreflow-crash-") as folder:
        place = Path(folder)
        library = write_library(place / "library")
        with (
            prefect_test_harness(server_startup_timeout=SERVER_START_S),
            open_nursery(library, place / "log", LINE) as nursery,
        ):
            undisturbed, night_s = measure(nursery, place / "undisturbed")
            tell(f"a night takes {night_s:.1f} s")
            for number, death in enumerate(deaths(n_moments // 5, night_s), start=1):
                found = try_death(nursery, death, place / "home", undisturbed)
                shutil.rmtree(place / "home")
                n_bad += bool(found)
                tell(f"{number:3} {death.name:60} {'; '.join(found) or 'same'}")
        n_each = n_moments * 4 // 5 // len(COMMANDS)
        for command in COMMANDS:
            for name, found in try_command(command, place / "undisturbed", n_each):
                n_bad += bool(found)
                tell(f"    {name:60} {'; '.join(found) or 'same'}")
        if n_bad:
            tell((place / "log").read_text()[-5_000:])
    tell(f"{n_bad} deaths left another store")
    return n_bad


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]) if len(sys.argv) > 1 else N_MOMENTS)))

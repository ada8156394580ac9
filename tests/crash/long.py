"""The long form: ``python -m tests.crash.long [N]`` kills whole nights, and prints a table.

N random moments (50), drawn evenly over the length of a night that was measured first, then every
named point once. After each, the same night is run again, and the store compared with that of
a night that nothing disturbed. The exit code is 1 if any differs.
"""

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prefect.testing.utilities import prefect_test_harness

from storage.home import DataLayout
from tasks.extract import publish_shards
from tests.conftest import SERVER_START_S, write_library
from tests.crash.comparison import Standing, describe, differences, orphans
from tests.crash.driver import tell
from tests.crash.nursery import KILLED, LINE, Nursery, open_nursery
from tests.crash.points import EXTRACT, INGEST, LONG_EXTRACT, LONG_INGEST, LONG_TRAIN, TRAIN

N_MOMENTS = 50
SEED = 20_200_601


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
            for number, death in enumerate(deaths(n_moments, night_s), start=1):
                found = try_death(nursery, death, place / "home", undisturbed)
                shutil.rmtree(place / "home")
                n_bad += bool(found)
                tell(f"{number:3} {death.name:60} {'; '.join(found) or 'same'}")
        if n_bad:
            tell((place / "log").read_text()[-5_000:])
    tell(f"{n_bad} deaths left another store")
    return n_bad


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]) if len(sys.argv) > 1 else N_MOMENTS)))

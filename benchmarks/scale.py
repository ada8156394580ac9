"""What a night in which a thousand songs are new costs in a library of a million.

``python -m benchmarks.scale [TRACKS …]``: 10,000 and 100,000 if none is named; a million takes
half an hour and 40 GB of disk. Each step runs in a process of its own, on a made-up home
(`benchmarks.libraries`); its time is that of the processor, imports left out. Decoding and training
are left out, and what ends in them: audit, comparison and promotion.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from rich.console import Console
from rich.table import Table

from benchmarks.bars import Bar
from benchmarks.night_steps import COMMANDS, N_NEW, PREPARED, STEPS, WAVE, Home
from benchmarks.tables import print_bars
from storage.home import DataLayout
from tasks.direct import CHOSEN

SIZES = (10_000, 100_000)
MOST_CPU_S = 60
MOST_MIB = 4096
MOST_GROWTH = 1.0
DAY_S = 86_400
IN_A_YEAR = 100_000_000 / 365  # songs a day


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Processor time of a step, and the peak of its memory."""

    cpu_s: float
    peak_mib: float


def measure_size(size: int, work: Path) -> dict[str, Cost]:
    """Make a home of a size, and run every step of a night on it."""
    folder = work / f"scale-{size}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return {name: _measure_apart(name, folder, size) for name in (*PREPARED, *STEPS, *COMMANDS)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure_apart(name: str, folder: Path, size: int) -> Cost:
    command = [sys.executable, "-m", "benchmarks.scale", "--step", name, str(folder), str(size)]
    ended = subprocess.run(
        command, check=True, env=os.environ | {CHOSEN: ""}, stdout=subprocess.PIPE, text=True
    )
    cost = Cost(**json.loads(ended.stdout.splitlines()[-1]))
    sys.stderr.write(f"{size:>9,} {name:<28}{cost.cpu_s:8.2f} s {cost.peak_mib:8.0f} MiB\n")
    return cost


def run_step(name: str, folder: Path, size: int) -> Cost:
    """Run one step in this process."""
    home = Home(layout=DataLayout(folder.resolve()), size=size)
    step = (PREPARED | STEPS | COMMANDS)[name]
    begin = process_time()
    step(home)
    cpu_s = process_time() - begin
    return Cost(cpu_s=cpu_s, peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def bars(costs: Mapping[int, Mapping[str, Cost]]) -> list[Bar]:
    """Return what a night costs at each size, how it grows, and what one writer can record."""
    nights = {size: sum(found[name].cpu_s for name in STEPS) for size, found in costs.items()}
    peaks = {size: max(found[name].peak_mib for name in STEPS) for size, found in costs.items()}
    first, last = min(costs), max(costs)
    found = [
        Bar(
            name=f"a night with {N_NEW:,} new of {size:,} songs",
            measured=nights[size],
            bar=MOST_CPU_S,
            unit="s of CPU",
            at_least=False,
            note=f"peak {peaks[size]:,.0f} MiB; without decoding and training",
        )
        for size in costs
    ]
    found += [
        Bar(
            name=f"memory of a step, {last:,} songs",
            measured=peaks[last],
            bar=MOST_MIB,
            unit="MiB",
            at_least=False,
        ),
        Bar(
            name=f"one writer of a catalog of {last:,} songs",
            measured=N_NEW * DAY_S / costs[last]["extract: record shards"].cpu_s,
            bar=IN_A_YEAR,
            unit="songs a day",
            at_least=True,
            note=f"in waves of {WAVE} songs, if they are all it does: 100 million a year",
        ),
    ]
    if last > first:
        growth = (nights[last] / nights[first]) / (last / first)
        found.append(
            Bar(
                name=f"growth of a night from {first:,} to {last:,} songs, against theirs",
                measured=growth,
                bar=MOST_GROWTH,
                unit="×",
                at_least=False,
                note="above 1: superlinear",
            )
        )
    return found


def print_costs(costs: Mapping[int, Mapping[str, Cost]]) -> None:
    """Print a row a step: seconds of the processor and MiB at each size."""
    table = Table("step", *(f"{size:,} songs" for size in costs), box=None)
    for name in (*PREPARED, *STEPS, *COMMANDS):
        cells = [f"{own[name].cpu_s:.2f} s, {own[name].peak_mib:.0f} MiB" for own in costs.values()]
        table.add_row(name, *cells)
    Console(width=160).print(table)


def measure(work: Path, sizes: tuple[int, ...] = SIZES) -> list[Bar]:
    """Measure nights at several sizes, and print what each step costs."""
    costs = {size: measure_size(size, work) for size in sizes}
    print_costs(costs)
    return bars(costs)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        cost = run_step(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
        sys.stdout.write(json.dumps({"cpu_s": cost.cpu_s, "peak_mib": cost.peak_mib}) + "\n")
    else:
        with TemporaryDirectory() as work:
            print_bars(measure(Path(work), tuple(map(int, sys.argv[1:])) or SIZES))

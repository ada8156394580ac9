"""What a song costs as the library grows, and what memory extract takes.

``python -m benchmarks.growth MUSIC WORK [SONGS ...]``

Libraries are links to 200 made songs, each with an id of its own: fragments are drawn at other
places, and ten thousand songs need no more disk than two hundred.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from benchmarks.bars import Bar
from benchmarks.homes import fresh, measure_start_up, repeat_tracks, run_command, stock_home
from benchmarks.made_songs import make_song, make_songs, read_sources
from benchmarks.tables import print_bars
from genre_core.records import Track
from storage.home import DataLayout

SIZES = (100, 1_000, 10_000)
N_REAL, N_MIXES, MIX_S = 200, 4, 7_200.0
PAUSE_S = 0.25
MIB = 2**20


def measure(music: Path, work: Path, sizes: tuple[int, ...] = SIZES) -> list[Bar]:
    """Extract libraries of several sizes, the largest one twice, and one of two-hour mixes."""
    store = fresh(work / "growth-store")
    tracks = stock_home(store, make_songs(music, work / "made", N_REAL))
    start_up = measure_start_up(work)
    song_ms, peaks_mib = [], []
    for size in sizes:
        home = fresh(work / f"growth-{size}")
        repeat_tracks(home, tracks, DataLayout(store), size)
        with peak_memory() as peak:
            wall_s, _, _ = run_command(home, "extract")
        song_ms.append(1000 * (wall_s - start_up.new_s) / size)
        peaks_mib.append(peak[0])
    again_s, _, _ = run_command(home, "extract")
    told = ", ".join(f"{size:,}: {ms:.1f} ms" for size, ms in zip(sizes, song_ms, strict=True))
    return [
        Bar(
            name=f"cost of a song, {sizes[-1]:,} songs against {sizes[0]:,}",
            measured=song_ms[-1] / song_ms[0],
            bar=1.15,
            unit="×",
            at_least=False,
            note=f"{told}; start-up of {start_up.new_s:.1f} s left out",
        ),
        Bar(
            name=f"a second extract over {sizes[-1]:,} songs finds nothing to do",
            measured=again_s,
            bar=2.5,
            unit="s",
            at_least=False,
            note=f"all included; start-up {start_up.used_s:.1f} s",
        ),
        _memory_bar(f"memory of all processes, {sizes[-1]:,} songs", peaks_mib[-1]),
        _measure_mixes(music, work),
    ]


def _measure_mixes(music: Path, work: Path) -> Bar:
    """Extract some mixes of two hours at once."""
    rng, sources = np.random.default_rng(1), read_sources(music)
    mixes = [work / "mixes" / f"genre{nth}" / "mix.mp3" for nth in range(N_MIXES)]
    for mix in mixes:
        if not mix.exists():
            make_song(mix, sources, MIX_S, rng)
    home = fresh(work / "growth-mixes")
    tracks: list[Track] = stock_home(home, mixes)
    with peak_memory() as peak:
        run_command(home, "extract")
    hours = sum(track.duration_s for track in tracks) / 3600
    return _memory_bar(f"memory of all processes, {N_MIXES} mixes of {hours:.0f} h in all", peak[0])


def _memory_bar(name: str, peak_mib: float) -> Bar:
    return Bar(
        name=name,
        measured=peak_mib,
        bar=1000,
        unit="MiB",
        at_least=False,
        note="proportional set size of the whole tree, four times a second",
    )


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Watch the processes that this one starts; the list holds their greatest sum in MiB."""
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(PAUSE_S):
            peak[0] = max(peak[0], _tree_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _tree_mib() -> float:
    sizes = [_size(process) for process in psutil.Process().children(recursive=True)]
    return sum(sizes) / MIB


def _size(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0  # it has ended since it was listed


if __name__ == "__main__":
    sizes = tuple(map(int, sys.argv[3:])) or SIZES
    print_bars(measure(Path(sys.argv[1]), Path(sys.argv[2]), sizes))

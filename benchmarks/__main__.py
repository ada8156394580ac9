"""All benchmarks of speed and size, against their bars: ``make bench MUSIC=FOLDER``.

MUSIC is a folder of real mp3 songs, 44.1 kHz and stereo; without one, the built-in library is
composed. WORK keeps the songs that are made of them, some 10 GB, and ``bench.json``. A part can be
named, to run it alone. Nothing is fetched from the network.
"""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import (
    classifying,
    datasets,
    extracting,
    first_run,
    fitting,
    growth,
    ingesting,
    listening,
    loading,
    scale,
    serving,
    starting,
    tagging,
    web,
)
from benchmarks.bars import Bar
from benchmarks.homes import fresh, run_command, stock_home
from benchmarks.made_songs import make_songs
from benchmarks.tables import is_met, print_bars, say, write_bars
from demo.library import make_library

N_SONGS = 40
ALL_MIN = 60
Measure = Callable[[Path, Path], list[Bar]]
PARTS: Mapping[str, Measure] = {
    "starting": lambda music, work: starting.measure(work),
    "first_run": lambda music, work: first_run.measure(work),
    "extracting": extracting.measure,
    "growth": growth.measure,
    "loading": lambda music, work: loading.measure(work),
    "fitting": lambda music, work: fitting.measure(),
    "classifying": lambda music, work: classifying.measure(music, make_champion_home(music, work)),
    "listening": lambda music, work: listening.measure(music, make_champion_home(music, work)),
    "serving": lambda music, work: serving.measure(music, make_champion_home(music, work)),
    "ingesting": ingesting.measure,
    "tagging": tagging.measure,
    "datasets": lambda music, work: datasets.measure(work),
    "scale": lambda music, work: scale.measure(work),
    "web": lambda music, work: web.measure(work),
}


def make_champion_home(music: Path, work: Path) -> Path:
    """Return a home with a champion, trained on a few made songs."""
    home = fresh(work / "champion")
    stock_home(home, make_songs(music, work / "made", N_SONGS))
    run_command(home, "train", "--network", "cnn")
    return home


def main(music: str, work: str, *parts: str) -> None:
    """Measure, show each part as it ends, and write all of them as JSON."""
    if unknown := sorted(set(parts) - PARTS.keys()):
        sys.exit(f"There is no part {', '.join(unknown)}; the parts are {', '.join(PARTS)}.")
    if not parts:
        say(f"All {len(PARTS)} parts take some {ALL_MIN} minutes on two cores that are idle.")
    folder = Path(music) if music else _compose(Path(work) / "music")
    bars: list[Bar] = []
    for part in parts or PARTS:
        begin_s = time.monotonic()
        found = PARTS[part](folder, Path(work))
        say(f"{part}, {(time.monotonic() - begin_s) / 60:.1f} min")
        print_bars(found)
        bars += found
        write_bars(bars, Path(work) / "bench.json")
    missed = [bar.name for bar in bars if is_met(bar) is False]
    say("\n- ".join([f"{len(missed)} bars are not met.", *missed]))


def _compose(folder: Path) -> Path:
    """Compose the built-in library, or what is missing of it."""
    say(f"No MUSIC is named; composing the built-in library in {folder}.")
    make_library(folder, unseen=folder.with_name("music-unseen"))
    return folder


if __name__ == "__main__":
    main(*sys.argv[1:])

"""How long a prediction takes: the whole command, a song where the champion is loaded, many songs.

``PYTHONPATH=. python -m benchmarks.classifying MUSIC HOME``

MUSIC holds an mp3, which is repeated or cut to three minutes; HOME has a champion. Times are of the
wall; beside them stand the seconds that a process computed, for machines that are not idle. Two
bars are ratios, which hold on any machine: to decoding the whole song, and to one process.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from itertools import cycle, islice
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeVar

import imageio_ffmpeg
import soundfile

import genreflow
from benchmarks.bars import Bar
from benchmarks.homes import installed_environment
from benchmarks.tables import print_bars
from storage.audio.decode import cut_song
from storage.fetch.download import DownloadLimits, probe_song
from storage.home import DataLayout
from tasks.champion import load_classifier
from tasks.predict import Classifier, classify_song, transform_fragments
from tasks.predict_many import classify_each
from tasks.workers import count_cores

T = TypeVar("T")

SONG_S = 180
N_COLD, N_WARM = 5, 21
COLD_BAR_S, WARM_BAR_MS = 0.9, 60.0
DECODED_BAR = 0.45
"""Of the seconds that decoding the whole song takes."""
N_MANY, MANY_BAR, COMPUTED_BAR = 200, 12.5, 1.15
"""Songs; songs a second and core; what a song may cost in processes, against one process."""
COMMAND = "from flows.cli.start import main; main()"
PARTS = """
import json, sys, time
begun, song, home = float(sys.argv[1]), sys.argv[2], sys.argv[3]
marks = {"interpreter": time.time()}
import flows.cli.classify
marks["command line imported"] = time.time()
layout = flows.cli.classify.read_settings(home=home).layout
import tasks.champion
import tasks.predict
marks["settings, predicting imported"] = time.time()
classifier = tasks.champion.load_classifier(layout)
marks["champion loaded"] = time.time()
tasks.predict.classify_song(classifier, song)
marks["song predicted"] = time.time()
before = [begun, *marks.values()]
print(json.dumps({name: end - start for (name, end), start in zip(marks.items(), before)}))
"""


def measure(music: Path, home: Path) -> list[Bar]:
    """Time the command and the loaded champion on a song of three minutes."""
    with TemporaryDirectory(prefix="genreflow-") as folder:
        song = make_song(music, Path(folder, "song.mp3"))
        classifier = load_classifier(DataLayout(home))
        return [
            measure_cold(song, home),
            *measure_warm(classifier, song),
            measure_python(song, home),
            *measure_many(music, DataLayout(home)),
        ]


def make_song(music: Path, song: Path) -> Path:
    """Make an mp3 of three minutes from the first one of a library."""
    first = min(music.rglob("*.mp3"))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-stream_loop", "-1", "-i", first]
    options = ["-t", str(SONG_S), "-vn", "-b:a", "192k", song]
    subprocess.run([*command, *options], check=True)
    return song


def measure_cold(song: Path, home: Path) -> Bar:
    """Time the whole command in a process of its own, the median of five."""
    arguments = ["classify", str(song), "--home", str(home), "--json"]
    times_s, before = [], getrusage(RUSAGE_CHILDREN)
    for _ in range(N_COLD):
        begun = time.perf_counter()
        run_python(COMMAND, *arguments)
        times_s.append(time.perf_counter() - begun)
    after = getrusage(RUSAGE_CHILDREN)
    computed_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    parts = [
        json.loads(run_python(PARTS, str(time.time()), str(song), str(home))) for _ in range(N_COLD)
    ]
    return Bar(
        name="classify, cold",
        measured=median(times_s),
        bar=COLD_BAR_S,
        unit="s",
        at_least=False,
        note=f"{computed_s / N_COLD:.2f} s computed; {show_shares(medians(parts))}",
    )


def measure_warm(classifier: Classifier, song: Path) -> list[Bar]:
    """Time a prediction where the champion is loaded, decoding and all, the median of 21."""
    times_s, computed_s, decoded_s = [], [], []
    for _ in range(N_WARM):
        begun, begun_cpu = time.perf_counter(), time.process_time()
        prediction = classify_song(classifier, str(song))
        times_s.append(time.perf_counter() - begun)
        computed_s.append(time.process_time() - begun_cpu)
        if prediction.error:
            raise SystemExit(prediction.error)
        begun_cpu = time.process_time()
        soundfile.read(song, dtype="float32")
        decoded_s.append(time.process_time() - begun_cpu)
    parts = medians([time_parts(classifier, song) for _ in range(N_WARM)])
    return [
        Bar(
            name="classify, warm",
            measured=1000 * median(times_s),
            bar=WARM_BAR_MS,
            unit="ms",
            at_least=False,
            note=f"{1000 * median(computed_s):.0f} ms computed; {show_shares(parts)}",
        ),
        Bar(
            name="classify, warm, to decoding the song",
            measured=median(computed_s) / median(decoded_s),
            bar=DECODED_BAR,
            unit="",
            at_least=False,
        ),
    ]


def measure_python(song: Path, home: Path) -> Bar:
    """Time the same prediction by `genreflow.Library.classify`, the median of 21."""
    times_s = []
    with genreflow.open(home) as library:
        library.classify(song)
        for _ in range(N_WARM):
            begun = time.perf_counter()
            library.classify(song)
            times_s.append(time.perf_counter() - begun)
    return Bar(
        name="classify, warm, from Python",
        measured=1000 * median(times_s),
        bar=WARM_BAR_MS,
        unit="ms",
        at_least=False,
    )


def measure_many(music: Path, layout: DataLayout) -> list[Bar]:
    """Time 200 songs in one process and in one a core, their start included."""
    songs = list(islice(cycle(map(str, sorted(music.rglob("*.mp3")))), N_MANY))
    n_cores, taken_s, computed_s = count_cores(), [], []
    for n_processes in (1, n_cores):
        begun, begun_cpu = time.perf_counter(), _computed_s()
        list(classify_each(layout, songs, n_processes=n_processes))
        taken_s.append(time.perf_counter() - begun)
        computed_s.append(_computed_s() - begun_cpu)
    return [
        Bar(
            name="classify, many songs",
            measured=N_MANY / taken_s[1],
            bar=MANY_BAR * n_cores,
            unit="songs/s",
            at_least=True,
            note=f"{N_MANY} songs, {n_cores} processes; {N_MANY / taken_s[0]:.1f} songs/s in one",
        ),
        Bar(
            name="classify, many songs, computed in processes to computed in one",
            measured=computed_s[1] / computed_s[0],
            bar=COMPUTED_BAR,
            unit="",
            at_least=False,
        ),
    ]


def _computed_s() -> float:
    """Return the seconds that this process and those that have ended below it computed."""
    used = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def time_parts(classifier: Classifier, song: Path) -> dict[str, float]:
    """Return the seconds of each part of a prediction by `classify_song`."""
    times: dict[str, float] = {}
    config, limits = classifier.features.fragments, DownloadLimits()
    n_threads = classifier.n_threads
    with TemporaryDirectory(prefix="genreflow-") as folder:
        layout = DataLayout(Path(folder))
        track_id, facts, _ = _timed(times, "probed", lambda: probe_song(song, layout, limits))
        cut = _timed(times, "decoded", lambda: cut_song(song, track_id, facts, config, n_threads))
    matrices = _timed(
        times, "transformed", lambda: transform_fragments(cut.fragments, classifier.features)
    )
    _timed(times, "network", lambda: classifier.predict_genres(matrices))
    return times


def _timed(times: dict[str, float], name: str, step: Callable[[], T]) -> T:
    begun = time.perf_counter()
    found = step()
    times[name] = time.perf_counter() - begun
    return found


def run_python(code: str, *arguments: str) -> str:
    """Run code in a process of its own; return its output."""
    command = [sys.executable, "-c", code, *arguments]
    environment = {**installed_environment(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return ended.stdout


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each part."""
    return {name: median(row[name] for row in rows) for name in rows[0]}


def show_shares(parts: Mapping[str, float]) -> str:
    """Say which share of the whole each part takes."""
    whole = sum(parts.values())
    return ", ".join(f"{name} {part / whole:.0%}" for name, part in parts.items())


if __name__ == "__main__":
    print_bars(measure(Path(sys.argv[1]), Path(sys.argv[2])))

"""Extract against the paths that one would write first, on made songs of three to six minutes.

``python -m benchmarks.extracting MUSIC WORK [SONGS]``
"""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import paths
from benchmarks.bars import Bar
from benchmarks.homes import (
    N_THREADS,
    StartUp,
    bare_prefect_s,
    fresh,
    measure_start_up,
    run_command,
    stock_home,
)
from benchmarks.made_songs import make_songs
from benchmarks.shares import measure_gains, measure_shares
from benchmarks.tables import print_bars
from genre_core.records import Track
from storage.home import DataLayout

N_SONGS, N_SLOW, N_PAIRED = 1_000, 24, 200
Song = tuple[Path, Track]
Way = Callable[[Path, Track], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds a song of each way, and of whole commands."""

    whole_s: float
    librosa_s: float
    bare_s: float
    one_thread_s: float
    two_threads_s: float
    start_up: StartUp
    extract_s: float
    again_s: float
    cpu_s: float


def measure(music: Path, work: Path, n_songs: int = N_SONGS) -> list[Bar]:
    """Time each way on the same songs, in two threads or processes each."""
    home = fresh(work / "extract")
    tracks = stock_home(home, make_songs(music, work / "made", n_songs))
    songs = [(DataLayout(home).song(track.track_id, track.suffix), track) for track in tracks]
    times = _time_all(home, songs)
    shares = measure_shares(songs[:40], fresh(work / "shares"))
    return [*_bars(times, tracks), *measure_gains(songs[:40]), *shares]


def _time_all(home: Path, songs: Sequence[Song]) -> Times:
    few = songs[:: max(1, len(songs) // N_SLOW)][:N_SLOW]
    with (
        ProcessPoolExecutor(N_THREADS) as processes,
        ThreadPoolExecutor(N_THREADS) as threads,
        ThreadPoolExecutor(1) as thread,
    ):
        for way in (paths.whole_decode, paths.librosa_decode):
            _per_song(processes, way, few[:4])  # imports, and the page cache
        before_s = _per_song(processes, paths.whole_decode, few)
        librosa_s = _per_song(processes, paths.librosa_decode, few)
        one_s = [_per_song(thread, paths.ours, songs[:N_PAIRED])]
        two_s = [_per_song(threads, paths.ours, songs[:N_PAIRED]) for _ in range(2)]
        one_s.append(_per_song(thread, paths.ours, songs[:N_PAIRED]))
        bare_s = [_per_song(threads, paths.bare, songs)]
        start_up = measure_start_up(home.parent)
        extract_s, cpu_s, _ = run_command(home, "extract")
        bare_s.append(_per_song(threads, paths.bare, songs))
        again_s, _, _ = run_command(home, "extract")
        after_s = _per_song(processes, paths.whole_decode, few)
    return Times(
        whole_s=statistics.mean([before_s, after_s]),
        librosa_s=librosa_s,
        bare_s=statistics.mean(bare_s),
        one_thread_s=statistics.mean(one_s),
        two_threads_s=statistics.mean(two_s),
        start_up=start_up,
        extract_s=extract_s,
        again_s=again_s,
        cpu_s=cpu_s,
    )


def _bars(times: Times, tracks: Sequence[Track]) -> list[Bar]:
    n_songs = len(tracks)
    mean_s = statistics.mean(track.duration_s for track in tracks)
    song_s = times.extract_s / n_songs
    later_s = (times.extract_s - times.start_up.new_s) / n_songs
    return [
        Bar(
            name="extract against pydub and scipy, whole decode, two processes",
            measured=times.whole_s / song_s,
            bar=18,
            unit="×",
            at_least=True,
            note=f"{n_songs} songs of {mean_s / 60:.1f} min; {times.whole_s:.2f} s a song there",
        ),
        Bar(
            name="extract against librosa.load and stft, two processes",
            measured=times.librosa_s / song_s,
            bar=10,
            unit="×",
            at_least=True,
            note=f"{times.librosa_s:.2f} s a song there; both on {N_SLOW} of the songs",
        ),
        Bar(
            name="extract against the bare loop, two threads",
            measured=times.bare_s / song_s,
            bar=0.7,
            unit="×",
            at_least=True,
            note=f"{times.bare_s * 1000:.1f} ms a song there; {times.bare_s / later_s:.2f} × "
            "when start-up is left out",
        ),
        Bar(
            name="extract, all included",
            measured=1 / song_s,
            bar=0,
            unit="songs/s",
            at_least=True,
            note=f"{mean_s / song_s:,.0f} × real time; {1000 * times.cpu_s / n_songs:.0f} ms CPU",
        ),
        Bar(
            name="two threads against one",
            measured=times.one_thread_s / times.two_threads_s,
            bar=1.8,
            unit="×",
            at_least=True,
            note=f"the song's path without the store, {N_PAIRED} songs twice each",
        ),
        Bar(
            name="start-up of extract",
            measured=times.start_up.new_s,
            bar=1.5,
            unit="s",
            at_least=False,
            note=f"in a new home, {times.start_up.used_s:.1f} s in a used one; a Prefect flow that "
            f"does nothing, in a new one: {bare_prefect_s():.1f} s",
        ),
        Bar(
            name="a second extract finds nothing to do",
            measured=times.again_s - times.start_up.used_s,
            bar=5,
            unit="s",
            at_least=False,
            note=f"{n_songs} finished songs, start-up left out",
        ),
    ]


def _per_song(pool: Executor, way: Way, songs: Sequence[Song]) -> float:
    begin = time.perf_counter()
    list(pool.map(_Dropping(way), *zip(*songs, strict=True)))
    return (time.perf_counter() - begin) / len(songs)


@dataclass(frozen=True, slots=True)
class _Dropping:
    """Takes a way, and keeps nothing of what it gives: matrices would be sent between processes."""

    way: Way

    def __call__(self, song: Path, track: Track) -> None:
        self.way(song, track)


if __name__ == "__main__":
    print_bars(measure(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])))

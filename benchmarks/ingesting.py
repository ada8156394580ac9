"""Ingest of local files against what it cannot do without: one pass over packets, one fingerprint.

``python -m benchmarks.ingesting MUSIC WORK [SONGS]``

Made songs share pieces, which real ones do not: so each piece is taken from one song only, by
repeating and shifting. Searching copies among them costs more than among real songs.
"""

import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av

from benchmarks import paths
from benchmarks.bars import Bar
from benchmarks.homes import N_THREADS, fresh, measure_start_up, run_command, stock_home
from benchmarks.made_songs import make_songs
from benchmarks.tables import print_bars
from storage.audio.fingerprint import fingerprint_song
from storage.home import DataLayout

N_SONGS, N_SLOW = 300, 24


def measure(music: Path, work: Path, n_songs: int = N_SONGS) -> list[Bar]:
    """Ingest made songs, then extract them; time the parts that cannot be avoided on the same."""
    folder = work / "made-ingest"
    songs = make_songs(music, folder, n_songs, seed=1)
    start_s = measure_start_up(work).new_s
    needed_s = [_needed_s(songs)]
    home = fresh(work / "ingest")
    ingest_s, _, _ = run_command(home, "ingest", str(folder))
    extract_s, _, _ = run_command(home, "extract")
    needed_s.append(_needed_s(songs))
    slow_s = _whole_decode_s(fresh(work / "ingest-slow"), songs)
    song_s = (ingest_s - start_s) / n_songs
    both_s = (ingest_s + extract_s) / n_songs
    return [
        Bar(
            name="ingest against one demuxing pass and the fingerprint of two minutes",
            measured=song_s / statistics.mean(needed_s),
            bar=1.5,
            unit="×",
            at_least=False,
            note=f"{n_songs} songs; {song_s * 1000:.0f} ms a song, {start_s:.0f} s of start-up "
            f"left out; {ingest_s / n_songs / statistics.mean(needed_s):.2f} × with it",
        ),
        Bar(
            name="ingest and extract together against the whole-decode path",
            measured=slow_s / both_s,
            bar=5,
            unit="×",
            at_least=True,
            note=f"{both_s * 1000:.0f} ms a song, two start-ups included, against {slow_s:.2f} s",
        ),
    ]


def _needed_s(songs: list[Path]) -> float:
    begin = time.perf_counter()
    with ThreadPoolExecutor(N_THREADS) as threads:
        list(threads.map(_demux_and_fingerprint, songs))
    return (time.perf_counter() - begin) / len(songs)


def _demux_and_fingerprint(song: Path) -> None:
    with av.open(str(song)) as container:
        for packet in container.demux(audio=0):
            _ = packet.size
    fingerprint_song(song)


def _whole_decode_s(home: Path, songs: list[Path]) -> float:
    from concurrent.futures import ProcessPoolExecutor

    tracks = stock_home(home, songs[:: max(1, len(songs) // N_SLOW)][:N_SLOW])
    files = [DataLayout(home).song(track.track_id, track.suffix) for track in tracks]
    with ProcessPoolExecutor(N_THREADS) as processes:
        list(processes.map(paths.whole_decode, files[:2], tracks[:2]))
        begin = time.perf_counter()
        list(processes.map(paths.whole_decode, files, tracks))
        return (time.perf_counter() - begin) / len(tracks)


if __name__ == "__main__":
    print_bars(measure(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])))

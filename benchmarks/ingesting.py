"""Ingest of local files, in CPU seconds, which other work on the machine disturbs least.

``python -m benchmarks.ingesting MUSIC WORK [SONGS]``

It is compared with one demuxing pass and the fingerprint that ffmpeg makes in a process of its own.
The songs are made of short pieces, so that no two are alike.
"""

import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import imageio_ffmpeg

from benchmarks import paths
from benchmarks.bars import Bar
from benchmarks.homes import fresh, run_command, stock_home
from benchmarks.made_songs import SHORT_PIECES_S, make_songs
from benchmarks.tables import print_bars
from genre_core.records import Track
from storage.audio.fingerprint import FIRST_S, FULL_S, fingerprint_song
from storage.audio.probe import probe_audio
from storage.home import DataLayout

N_SONGS, N_SLOW = 500, 24


def measure(music: Path, work: Path, n_songs: int = N_SONGS) -> list[Bar]:
    """Ingest made songs, then extract what the whole-decode path gives; measure the usual ways."""
    songs = make_songs(music, work / f"made-apart-{n_songs}", n_songs, 1, SHORT_PIECES_S)
    few = make_songs(music, work / "made-few", N_SLOW, 2, SHORT_PIECES_S)
    tracks = stock_home(fresh(work / "ingest-slow"), few)
    before, slow_s = _compare(few), _whole_decode_s(work / "ingest-slow", tracks)
    _, start_s, _ = run_command(fresh(work / "ingest"), "ingest", str(few[0].parent.parent))
    _, few_check_s, _ = run_command(fresh(work / "check"), "check", str(few[0].parent.parent))
    _, check_s, _ = run_command(fresh(work / "check"), "check", str(songs[0].parent.parent))
    home = fresh(work / "ingest")
    _, ingest_s, _ = run_command(home, "ingest", str(songs[0].parent.parent))
    _, extract_s, _ = run_command(home, "extract", "--representation", "thesis")
    after = _compare(few)
    usual_s, ours_s = (statistics.mean(pair) for pair in zip(before, after, strict=True))
    song_s = (ingest_s - start_s) / (len(songs) - len(few))
    check_song_s = (check_s - few_check_s) / (len(songs) - len(few))
    both_s = (ingest_s + extract_s) / len(songs)
    return [
        Bar(
            name="CPU of `ingest` against one demuxing pass and ffmpeg's fingerprint",
            measured=song_s / usual_s,
            bar=0.5,
            unit="×",
            at_least=False,
            note=f"{n_songs} songs; {song_s * 1000:.0f} ms a song, start-up left out; probe and "
            f"fingerprint alone {ours_s * 1000:.0f} against {usual_s * 1000:.0f} ms",
        ),
        Bar(
            name="CPU of `check` against `ingest` of the same songs",
            measured=check_song_s / song_s,
            bar=0.05,
            unit="×",
            at_least=False,
            note=f"{check_song_s * 1000:.1f} ms a song, start-up left out",
        ),
        Bar(
            name="CPU of `ingest` and `extract` together against the whole-decode path",
            measured=slow_s / both_s,
            bar=5,
            unit="×",
            at_least=True,
            note=f"{both_s * 1000:.0f} ms a song, two start-ups included, against {slow_s:.2f} s",
        ),
    ]


def _compare(songs: list[Path]) -> tuple[float, float]:
    """CPU seconds a song: of demuxing and ffmpeg's fingerprint, and of our two in process."""
    usual_s = ours_s = 0.0
    for song in songs:
        usual_s += _cpu_s(lambda song=song: _demux_and_fingerprint(song))
        ours_s += _cpu_s(lambda song=song: fingerprint_song(song, probe_audio(song), FIRST_S))
    return usual_s / len(songs), ours_s / len(songs)


def _demux_and_fingerprint(song: Path) -> None:
    with av.open(str(song)) as container:
        for packet in container.demux(audio=0):
            _ = packet.size
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "fatal", "-threads", "1", "-i", str(song)]
    command += ["-t", str(FULL_S), "-f", "chromaprint", "-fp_format", "raw", "-"]
    subprocess.run(command, check=True, capture_output=True)


def _whole_decode_s(home: Path, tracks: list[Track]) -> float:
    files = [DataLayout(home).song(track.track_id, track.suffix) for track in tracks]
    paths.whole_decode(files[0], tracks[0])  # loads what it needs
    pairs = list(zip(files, tracks, strict=True))
    return statistics.mean(_cpu_s(lambda pair=pair: paths.whole_decode(*pair)) for pair in pairs)


def _cpu_s(action: Callable[[], object]) -> float:
    """CPU seconds of an action, its subprocesses included."""
    begin = _spent_s()
    action()
    return _spent_s() - begin


def _spent_s() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(who) for who in whose]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    print_bars(measure(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])))

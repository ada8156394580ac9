"""Genres written into tags and taken back, against copying the same files safely.

``python -m benchmarks.tagging MUSIC WORK [SONGS]``

A safe copy is written beside its file, synced to the disk and renamed, and the packets of both are
compared: the least that any program does that can neither lose a file nor spoil its sound. All run
on copies of made songs, alternately.
"""

import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.bars import Bar
from benchmarks.homes import fresh
from benchmarks.made_songs import make_songs
from benchmarks.tables import print_bars
from genre_core.locations import location_of
from storage.audio.probe import probe_audio
from storage.files import write_bytes
from storage.home import DataLayout
from tasks.tag_plan import TagChange
from tasks.tags import take_tags_back, write_tags

N_SONGS, N_ROUNDS = 24, 3


def measure(music: Path, work: Path, n_songs: int = N_SONGS) -> list[Bar]:
    """Write and take back one genre a song, round by round."""
    made = make_songs(music, work / "made-tags", n_songs)
    folder = fresh(work / "tagged")
    songs = [Path(shutil.copy(song, folder / song.name)) for song in made]
    layout = DataLayout(fresh(work / "tag-home"))
    changes = [
        TagChange(song=location_of(song), genre="jazz", confidence=1.0, genres=("jazz",))
        for song in songs
    ]
    copies, written, back = [], [], []
    for _ in range(N_ROUNDS):
        copies.append(_seconds(lambda: [_copy(song) for song in songs]))
        written.append(_seconds(lambda: list(write_tags(layout, changes))))
        back.append(_seconds(lambda: take_tags_back(layout)))
    same = all(song.read_bytes() == was.read_bytes() for song, was in zip(songs, made, strict=True))
    if not same:
        raise SystemExit("a song did not come back byte for byte.")
    copy_s = statistics.median(copies)
    n_bytes = layout.tag_journal.stat().st_size / (N_ROUNDS * n_songs)
    return [
        _bar("`tag --write`", statistics.median(written) / copy_s, 4, copy_s / n_songs),
        _bar("`untag`", statistics.median(back) / copy_s, 2, copy_s / n_songs),
        Bar(
            name="Journal of tags",
            measured=n_bytes / 1024,
            bar=4,
            unit="KiB a song",
            at_least=False,
            note="of mp3 songs without tags",
        ),
    ]


def _copy(song: Path) -> None:
    facts = probe_audio(song)
    write_bytes(song, song.read_bytes())
    if probe_audio(song) != facts:
        raise SystemExit(f"{song} differs from its copy.")


def _bar(name: str, ratio: float, bar: float, copy_s: float) -> Bar:
    return Bar(
        name=f"Time of {name} against a safe copy",
        measured=ratio,
        bar=bar,
        unit="×",
        at_least=False,
        note=f"a copy takes {copy_s * 1000:.0f} ms a song",
    )


def _seconds(work: Callable[[], object]) -> float:
    begin_s = time.perf_counter()
    work()
    return time.perf_counter() - begin_s


if __name__ == "__main__":
    print_bars(measure(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])))

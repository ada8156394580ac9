"""The built-in library on disk: whole, labelled, level, and the same for the same seed."""

import csv
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
import soundfile

from demo.catalogue import list_songs
from demo.library import LibraryReport, make_library, render_song
from demo.loudness import TARGET_LUFS, loudness_lufs

SONG_S = (6.0, 8.0)


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_manifest_lists_every_song_with_its_artist_and_licence(
    small_library: LibraryReport,
) -> None:
    rows = _rows(small_library.manifest.parent)

    listed = {row["path"] for row in rows}
    found = {
        str(path.relative_to(small_library.manifest.parent))
        for path in small_library.manifest.parent.rglob("*.mp3")
    }
    assert listed == found
    assert len(rows) == small_library.n_songs == 12
    assert list(rows[0]) == ["path", "genre", "artist", "album", "title", "licence"]
    assert all(row["artist"] and row["album"] and row["title"] for row in rows)
    assert {row["licence"] for row in rows} == {"CC0-1.0 (score), GPL-2 (sounds: TimGM6mb)"}
    assert all(row["path"].startswith(f"{row['genre']}/") for row in rows)
    assert {row["genre"] for row in rows} == {
        *("jazz", "classical", "rock", "house", "hiphop", "techno"),
    }
    assert len({row["artist"] for row in rows}) == 12
    assert list(small_library.manifest.parent.rglob("*.part")) == []


def test_every_song_decodes_to_stereo_of_the_length_asked_for(small_library: LibraryReport) -> None:
    for song in list_songs(0, 2, SONG_S):
        samples, sample_rate = soundfile.read(small_library.manifest.parent / song.path)

        assert sample_rate == 44_100
        assert samples.shape[1] == 2
        assert len(samples) / sample_rate == pytest.approx(song.duration_s, abs=0.1)


def test_the_songs_are_equally_loud_and_do_not_clip(small_library: LibraryReport) -> None:
    paths = [*small_library.manifest.parent.rglob("*.mp3"), *small_library.unseen]
    songs = [soundfile.read(path, dtype="float32")[0] for path in paths]

    loudness = np.array([loudness_lufs(samples.T) for samples in songs])
    peaks = np.array([np.abs(samples).max() for samples in songs])
    assert np.all(np.abs(loudness - TARGET_LUFS) < 1.0)
    assert peaks.max() < 1.0


def test_the_tags_of_a_file_say_what_the_manifest_says(small_library: LibraryReport) -> None:
    row = _rows(small_library.manifest.parent)[0]

    with av.open(str(small_library.manifest.parent / row["path"])) as song:
        tags = song.metadata
    assert {key: tags[key] for key in ("artist", "album", "title")} == {
        key: row[key] for key in ("artist", "album", "title")
    }


def test_the_unseen_songs_are_by_artists_that_the_library_does_not_hold(
    small_library: LibraryReport,
) -> None:
    artists = {row["artist"] for row in _rows(small_library.manifest.parent)}

    unseen = set()
    for path in small_library.unseen:
        with av.open(str(path)) as song:
            unseen.add(song.metadata["artist"])
    assert len(unseen) == 6
    assert unseen.isdisjoint(artists)
    assert all(path.is_file() for path in small_library.unseen)


@pytest.mark.usefixtures("small_library")
def test_progress_counts_up_to_all_songs(progress: list[tuple[int, int]]) -> None:
    assert progress == [(done, 18) for done in range(1, 19)]


def test_the_same_seed_gives_the_same_bytes_in_any_process(
    small_library: LibraryReport, soundfont: Path, tmp_path: Path
) -> None:
    song = list_songs(0, 2, SONG_S)[3]

    again = render_song(song, tmp_path / "again.mp3", soundfont)

    assert _sha256(again) == _sha256(small_library.manifest.parent / song.path)


def test_another_seed_gives_other_bytes(soundfont: Path, tmp_path: Path) -> None:
    first = render_song(list_songs(0, 1, SONG_S)[0], tmp_path / "first.mp3", soundfont)
    other = render_song(list_songs(1, 1, SONG_S)[0], tmp_path / "other.mp3", soundfont)

    assert _sha256(first) != _sha256(other)


def test_a_second_call_renders_only_what_is_missing(small_library: LibraryReport) -> None:
    lost = small_library.manifest.parent / _rows(small_library.manifest.parent)[0]["path"]
    digest = _sha256(lost)
    lost.unlink()

    repaired = make_library(
        small_library.manifest.parent,
        unseen=small_library.unseen[0].parent,
        songs_per_genre=2,
        song_s=SONG_S,
    )
    idle = make_library(
        small_library.manifest.parent,
        unseen=small_library.unseen[0].parent,
        songs_per_genre=2,
        song_s=SONG_S,
    )

    assert (repaired.n_rendered, idle.n_rendered) == (1, 0)
    assert _sha256(lost) == digest


COMPOSE = """
import sys
from pathlib import Path
from demo.library import make_library
make_library(
    Path(sys.argv[1], "library"),
    unseen=Path(sys.argv[1], "unseen"),
    song_s=(20.0, 30.0),
    on_song=lambda done, total: print(done, flush=True),
)
"""


def test_the_processes_that_compose_end_with_the_one_that_began_them(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", COMPOSE, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "1\n"
        processes = psutil.Process(program.pid).children(recursive=True)

        program.kill()

    assert len(processes) >= 2
    assert psutil.wait_procs(processes, 20)[1] == []


def test_a_folder_that_holds_other_things_is_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "library" / "manifest.csv"
    manifest.parent.mkdir()
    manifest.write_text("mine", "utf-8")

    with pytest.raises(ValueError, match="other things than a library"):
        make_library(manifest.parent, unseen=tmp_path / "unseen", songs_per_genre=1)

    assert manifest.read_text("utf-8") == "mine"


def test_a_folder_of_other_settings_is_refused(small_library: LibraryReport) -> None:
    with pytest.raises(ValueError, match="other settings"):
        make_library(
            small_library.manifest.parent,
            unseen=small_library.unseen[0].parent,
            seed=7,
            songs_per_genre=2,
            song_s=SONG_S,
        )


def test_the_unseen_songs_may_not_lie_within_the_library(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="beside the library"):
        make_library(tmp_path, unseen=tmp_path / "unseen")


@pytest.mark.parametrize(
    "settings",
    [{"seed": -1}, {"songs_per_genre": 0}, {"song_s": (2.0, 3.0)}, {"song_s": (9.0, 8.0)}],
)
def test_settings_without_sense_are_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        make_library(tmp_path / "library", unseen=tmp_path / "unseen", **settings)

"""Commands tag and untag: a dry run, the writing, and the taking back."""

import json
import shutil
from pathlib import Path

import mutagen
import pytest

from flows.settings import Settings
from storage.home import DataLayout
from tests.conftest import click, hum, write_song
from tests.flows.conftest import Call

pytestmark = [pytest.mark.flow, pytest.mark.keras]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Two songs of the user, and one that is none."""
    folder = tmp_path / "music"
    write_song(folder / "a.flac", hum, seed=31)
    write_song(folder / "b.wav", click, seed=32)
    (folder / "c.mp3").write_bytes(b"no music" * 100)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_genres_are_shown_then_written_then_taken_back(
    genreflow: Call, finished_copy: Settings, music: Path
) -> None:
    former, home = contents(music), ("--home", finished_copy.home)
    asked = ("tag", music, "--min-precision", "0", *home)

    shown = genreflow(*asked)
    assert shown.code == 1
    assert "+ hums" in shown.out
    assert "Nothing was changed yet" in shown.out
    assert "c.mp3 is left out" in shown.err
    assert contents(music) == former

    written = json.loads(genreflow(*asked, "--write", "--json").out)
    assert [song["genres"] for song in written["songs"]][:2] == [["hums"], ["clicks"]]
    assert written["songs"][2]["reason"] == "unpredicted"
    assert mutagen.File(music / "a.flac")["genre"] == ["hums"]
    again = json.loads(genreflow(*asked, "--write", "--json").out)
    assert [song["reason"] for song in again["songs"]] == ["already", "already", "unpredicted"]

    returned = genreflow("untag", *home)
    assert returned.code == 0
    assert "2 files, 2 byte for byte" in returned.out
    assert contents(music) == former


def test_a_small_library_never_writes_and_says_so(
    genreflow: Call, finished: Settings, tmp_path: Path
) -> None:
    home = shutil.copytree(finished.home, tmp_path / "own")

    result = genreflow("tag", "--library", "--home", home, "--json")

    found = json.loads(result.out)
    assert {threshold["confidence"] for threshold in found["thresholds"]} == {None}
    assert all(threshold["n_songs"] < 29 for threshold in found["thresholds"])
    assert not [song for song in found["songs"] if not song["reason"]]
    assert {"never", "labelled"} >= {
        song["reason"] for song in found["songs"] if song["reason"] != "unpredicted"
    }


@pytest.mark.parametrize("words", [(), ("song.mp3", "--library")])
def test_songs_or_the_library_must_be_named(
    genreflow: Call, empty_home: DataLayout, words: tuple[str, ...]
) -> None:
    result = genreflow("tag", *words)

    assert result.code == 2
    assert "--library" in result.err

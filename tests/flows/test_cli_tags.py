"""Commands tag and untag: a dry run, the writing, and the taking back."""

import json
import shutil
from pathlib import Path

import mutagen
import pytest

from flows.settings import Settings
from storage.catalog.query import query_rows
from storage.home import DataLayout
from tasks.tag_plan import read_tag_library
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
    asked = ("tag", "--library", "--home", shutil.copytree(finished.home, tmp_path / "own"))

    result, found = genreflow(*asked), json.loads(genreflow(*asked, "--json").out)

    assert "Never written: clicks, hiss, hums." in result.out
    assert "no confidence suffices for the genre" in result.out
    assert "Would write the genre into 0 files" in result.out
    assert {threshold["confidence"] for threshold in found["thresholds"]} == {None}
    assert all(threshold["n_songs"] < 29 for threshold in found["thresholds"])
    reasons = {song["reason"] for song in found["songs"]} - {"unpredicted", "labelled"}
    assert reasons == {"never"}


def test_no_validation_song_counts_for_a_network_whose_epoch_it_chose(finished: Settings) -> None:
    statement = "select track_id from predictions semi join promotions using (run_id)"
    tested = query_rows(
        finished.layout, f"{statement} where split = 'test' and unknown is not true"
    )

    library = read_tag_library(finished.layout, finished.tag_prior)

    assert {song.track_id for song in library.held_out} == {row["track_id"] for row in tested}


@pytest.mark.parametrize("words", [(), ("song.mp3", "--library")])
def test_songs_or_the_library_must_be_named(
    genreflow: Call, empty_home: DataLayout, words: tuple[str, ...]
) -> None:
    result = genreflow("tag", *words)

    assert result.code == 2
    assert "--library" in result.err

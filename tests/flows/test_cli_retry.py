"""Command retry: which songs are meant, and what is printed if there are none."""

from pathlib import Path

import pytest

from genre_core.records import Outcome, Reason, Result, Stage
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.songs import record_songs
from storage.home import DataLayout
from tests.catalogs import in_catalog
from tests.flows.conftest import Call

pytestmark = pytest.mark.flow

USAGE, WELL = 2, 0


@pytest.fixture
def home(tmp_path: Path) -> DataLayout:
    """A store in which one file, that is no song, was left out."""
    song = tmp_path / "music" / "jazz" / "a.mp3"
    song.parent.mkdir(parents=True)
    song.write_bytes(b"no song")
    left_out = Outcome(
        location=str(song.resolve()),
        genre="jazz",
        result=Result.QUARANTINED,
        stage=Stage.DOWNLOAD,
        reason=Reason.NOT_AUDIO,
    )
    in_catalog(DataLayout(tmp_path / "home"), record_songs, [], [left_out])
    return DataLayout(tmp_path / "home")


def attempts(layout: DataLayout) -> list[int]:
    with open_catalog(layout) as catalog:
        return [row["attempts"] for row in fetch_rows(catalog, "select attempts from outcomes")]


def test_songs_are_never_left_out_for_clipping(genreflow: Call) -> None:
    result = genreflow("retry", "--reason", "clipped")

    assert result.code == USAGE
    assert "There is no reason 'clipped'" in result.err


@pytest.mark.usefixtures("prefect_server")
def test_a_path_is_taken_from_where_the_command_is_called(
    genreflow: Call, home: DataLayout
) -> None:
    result = genreflow("retry", "music", "--source", "music/../music/jazz")

    assert result.code == WELL
    assert "Tried 1 song again." in result.out
    assert attempts(home) == [2]


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("words", [("--reason", "silent"), ("--source", "https://example.org")])
def test_nothing_is_run_if_no_song_was_left_out_so(
    genreflow: Call, home: DataLayout, words: tuple[str, str]
) -> None:
    result = genreflow("retry", "music", *words)

    assert result.code == WELL
    assert "No song that was left out is among these; none was tried again." in result.out
    assert not home.published.exists()

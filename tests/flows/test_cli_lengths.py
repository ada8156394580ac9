"""Fragments that are longer than what songs give are refused before anything is written."""

from dataclasses import replace
from pathlib import Path

import pytest

from genre_core.records import Outcome, Result, Stage, Track
from storage.catalog.publish import publish
from storage.catalog.songs import record_songs
from storage.home import DataLayout
from tests.catalogs import in_catalog
from tests.flows.conftest import Call

pytestmark = pytest.mark.flow

USAGE = 2
TRACK = Track(
    track_id="",
    location="",
    genre="jazz",
    licence="",
    suffix=".mp3",
    duration_s=0.0,
    sample_rate=44_100,
    channels=2,
    codec="mp3",
)


def make_home(layout: DataLayout, *lengths_s: float) -> None:
    """Record a song of each length, all of them ok."""
    tracks = [
        replace(TRACK, track_id=str(n), location=f"/{n}.mp3", duration_s=length_s)
        for n, length_s in enumerate(lengths_s)
    ]
    found = [
        Outcome(
            location=track.location,
            genre="jazz",
            result=Result.OK,
            stage=Stage.DOWNLOAD,
            track_id=track.track_id,
        )
        for track in tracks
    ]
    in_catalog(layout, record_songs, tracks, found)
    publish(layout)


@pytest.mark.parametrize(
    "command", [("extract",), ("train",), ("sweep",), ("ladder",), ("ladder", "--network", "cnn")]
)
def test_a_length_that_most_songs_cannot_give_is_refused_and_changes_nothing(
    genreflow: Call, tmp_path: Path, command: tuple[str, ...]
) -> None:
    layout = DataLayout(tmp_path / "home")
    make_home(layout, 125, 130, 135, 140, 300)
    before = {path: path.stat().st_mtime_ns for path in layout.home.rglob("*")}

    result = genreflow(*command, "--fragment-s", "150")

    assert result.code == USAGE
    assert "Only 1 of 5 songs is long enough for fragments of 150 s" in result.err
    assert "half of the songs last 135 s at most" in result.err
    assert {path: path.stat().st_mtime_ns for path in layout.home.rglob("*")} == before


def test_a_study_by_the_thesis_is_refused_where_all_songs_are_too_short_for_it(
    genreflow: Call, tmp_path: Path
) -> None:
    make_home(DataLayout(tmp_path / "home"), 30, 30, 30)

    result = genreflow("ladder")

    assert result.code == USAGE
    assert "Only 0 of 3 songs are long enough for fragments of 3 s, which need songs of 120 s" in (
        result.err
    )

"""GTZAN, as its archives unpack."""

import logging
from pathlib import Path

import pytest

from genre_core.records import Source
from storage.sources.listing import list_sources
from tests.storage.sources.conftest import write_clip


@pytest.mark.parametrize(("folder", "suffix"), [("genres", ".au"), ("genres_original", ".wav")])
def test_each_clip_has_the_genre_of_its_folder(tmp_path: Path, folder: str, suffix: str) -> None:
    clips = [
        write_clip(tmp_path / folder / genre / f"{genre}.{number:05d}{suffix}", seed=number)
        for genre in ("blues", "hiphop")
        for number in range(2)
    ]
    (tmp_path / folder / "bextract_single.mf").write_text("blues/blues.00000.au\tblues\n")

    for place in (tmp_path, tmp_path / folder):
        assert list_sources(place) == [
            Source(location=str(clip), genre=clip.parent.name, title=clip.stem) for clip in clips
        ]


def test_other_songs_beside_the_collection_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_clip(tmp_path / "genres" / "jazz" / "jazz.00054.au")
    write_clip(tmp_path / "mine" / "song.wav")

    with caplog.at_level(logging.WARNING):
        sources = list_sources(tmp_path)

    assert [Path(source.location).name for source in sources] == ["jazz.00054.au"]
    assert "1 songs" in caplog.text
    assert "song.wav" in caplog.text


def test_a_folder_that_is_only_called_genres_is_a_genre(tmp_path: Path) -> None:
    write_clip(tmp_path / "genres" / "live" / "song.wav")

    assert [source.genre for source in list_sources(tmp_path)] == ["genres"]

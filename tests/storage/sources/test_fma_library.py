"""The Free Music Archive, as its archives unpack."""

import shutil
from pathlib import Path

import pytest

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.sources.collections import find_fma
from storage.sources.listing import list_sources
from tests.storage.sources.conftest import COLUMNS, LICENCE, write_tracks_csv


def by_id(sources: list[Source]) -> dict[str, Source]:
    return {Path(source.location).stem: source for source in sources}


def test_every_row_of_the_subset_and_every_clip_is_listed_once(fma: Path) -> None:
    sources = list_sources(fma)

    clips = fma / "fma_small"
    assert [source.location for source in sources] == [
        str(clips / "000/000002.mp3"),
        str(clips / "000/000005.mp3"),
        str(clips / "001/001039.mp3"),
        str(clips / "001/001040.mp3"),
        str(clips / "155/155320.mp3"),
    ]


def test_a_track_has_what_the_table_says_of_it(fma: Path) -> None:
    assert by_id(list_sources(fma))["000002"] == Source(
        location=str(fma / "fma_small/000/000002.mp3"),
        genre="Hip-Hop",
        artist="AWOL",
        album="AWOL",
        title="Food",
        licence=LICENCE,
    )


def test_a_track_without_its_file_is_listed_where_it_should_be(fma: Path) -> None:
    missing = by_id(list_sources(fma))["001039"]

    assert not Path(missing.location).exists()
    assert (missing.genre, missing.artist, missing.title) == ("Rock", "Kurt Vile", "Frêtless")


def test_a_clip_of_another_subset_keeps_its_row(fma: Path) -> None:
    assert by_id(list_sources(fma))["001040"].genre == "Pop"


def test_what_has_no_top_genre_or_no_row_is_unknown_and_says_why(fma: Path) -> None:
    sources = by_id(list_sources(fma))

    assert (sources["000005"].genre, sources["000005"].title) == ("", "This, World")
    assert "no top genre" in sources["000005"].label_fault
    assert "no row" in sources["155320"].label_fault


def test_a_larger_folder_holds_the_smaller_subsets(fma: Path) -> None:
    (fma / "fma_small").rename(fma / "fma_medium")
    medium = by_id(list_sources(fma))
    (fma / "fma_medium").rename(fma / "fma_full")

    assert medium.keys() == {"000002", "000005", "001039", "001040", "155320"}
    assert by_id(list_sources(fma)).keys() == {*medium, "001041"}


def test_the_folder_of_clips_may_be_named_itself(
    fma: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list_sources(fma)
    monkeypatch.chdir(fma / "fma_small")

    assert list_sources(fma / "fma_small") == whole
    assert list_sources(".") == whole


def test_folders_and_clips_that_are_links_are_listed_once(fma: Path, tmp_path: Path) -> None:
    elsewhere = (fma / "fma_small").rename(tmp_path / "elsewhere")
    (fma / "fma_small").symlink_to(elsewhere)
    clip = (elsewhere / "000" / "000002.mp3").rename(tmp_path / "clip.mp3")
    (elsewhere / "000" / "000002.mp3").symlink_to(clip)

    for place in (fma, fma / "fma_small"):
        found = [Path(source.location) for source in list_sources(place)]
        assert [path.stem for path in found] == ["000002", "000005", "001039", "001040", "155320"]
        assert {path.parents[1] for path in found} == {fma / "fma_small"}


def test_without_its_table_a_folder_is_no_such_collection(fma: Path) -> None:
    shutil.rmtree(fma / "fma_metadata")

    assert find_fma(fma) == find_fma(fma / "fma_small") == []


def test_a_table_without_a_needed_column_is_refused(tmp_path: Path) -> None:
    columns = [column for column in COLUMNS if column != ("track", "genre_top")]
    write_tracks_csv(tmp_path, columns)
    (tmp_path / "fma_small").mkdir()

    with pytest.raises(UsageError, match=r"lacks the columns track\.genre_top"):
        list_sources(tmp_path)


def test_a_table_without_the_line_of_the_index_is_read_as_well(fma: Path) -> None:
    before = list_sources(fma)
    table = fma / "fma_metadata" / "tracks.csv"
    lines = table.read_text("utf-8").splitlines(keepends=True)
    table.write_text("".join([*lines[:2], *lines[3:]]), encoding="utf-8")

    assert lines[2].startswith("track_id,")
    assert list_sources(fma) == before

"""MTG-Jamendo: a table of tags, and mp3s in folders by the end of their number."""

from pathlib import Path

import pytest

from genre_core.errors import UsageError
from storage.sources.listing import list_sources
from tests.storage.sources.conftest import write_clip

HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"
LINES = (
    "track_0000214\tartist_000014\talbum_000031\t14/214.mp3\t124.6\tgenre---punkrock",
    "track_0000215\tartist_000014\talbum_000031\t15/215.mp3\t151.4\t"
    "genre---rock\tgenre---metal\tinstrument---piano\tmood/theme---dark",
    "track_0000216\tartist_000015\talbum_000032\t16/216.mp3\t234.9\tinstrument---voice",
)


def write_table(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((HEADER, *lines, "")), encoding="utf-8")
    return path


@pytest.mark.parametrize("audio", ["audio", ".", "raw_30s/audio"])
def test_the_audio_is_found_below_the_table(tmp_path: Path, audio: str) -> None:
    table = write_table(tmp_path / "autotagging_genre.tsv", *LINES)
    clip = write_clip(tmp_path / audio / "15" / "215.mp3")

    for place in (table, tmp_path):
        sources = list_sources(place)
        assert sources[1].location == str(clip.resolve())
        assert len(sources) == len(LINES)


def test_the_audio_is_found_beside_the_folder_of_the_table(tmp_path: Path) -> None:
    table = write_table(tmp_path / "data" / "autotagging.tsv", *LINES)
    clip = write_clip(tmp_path / "raw_30s" / "audio" / "14" / "214.mp3")

    assert list_sources(table)[0].location == str(clip)


def test_genre_tags_are_labels_and_other_tags_are_not(tmp_path: Path) -> None:
    one, two, none = list_sources(write_table(tmp_path / "autotagging.tsv", *LINES))

    assert (one.genre, one.labels, one.artist) == ("punkrock", (), "artist_000014")
    assert (two.genre, two.labels) == ("", ("metal", "rock"))
    assert (none.genre, none.labels) == ("", ())
    assert "no genre" in none.label_fault


def test_a_path_that_leads_out_of_the_collection_is_refused(tmp_path: Path) -> None:
    line = LINES[0].replace("14/214.mp3", "../../etc/passwd")

    with pytest.raises(UsageError, match=r"line 2: .* leads out"):
        list_sources(write_table(tmp_path / "autotagging.tsv", line))


def test_a_folder_with_several_tables_asks_for_one(tmp_path: Path) -> None:
    for name in ("autotagging.tsv", "raw_30s.tsv"):
        write_table(tmp_path / name, *LINES)

    with pytest.raises(UsageError, match=r"autotagging\.tsv, raw_30s\.tsv"):
        list_sources(tmp_path)


def test_a_table_of_something_else_is_no_library(tmp_path: Path) -> None:
    other = tmp_path / "notes.tsv"
    other.write_text("TRACK\tTITLE\n1\tFood\n", encoding="utf-8")

    with pytest.raises(UsageError, match="neither a folder nor a manifest"):
        list_sources(other)

"""Public collections in the layouts in which they are distributed: FMA, GTZAN, MTG-Jamendo."""

import logging
import shutil
from pathlib import Path

import pytest

from genre_core.errors import UsageError
from genre_core.records import Source
from storage.sources.collections import find_fma
from storage.sources.listing import list_sources
from tests.storage.sources.conftest import COLUMNS, LICENCE, write_clip, write_tracks_csv

STEMS = ["000002", "000005", "001039", "001040", "155320"]


def by_id(sources: list[Source]) -> dict[str, Source]:
    return {Path(source.location).stem: source for source in sources}


def test_every_row_of_the_subset_and_every_clip_is_listed_once(fma: Path) -> None:
    sources = by_id(list_sources(fma))

    assert list(sources) == STEMS
    assert sources["000002"] == Source(
        location=str(fma / "fma_small/000/000002.mp3"),
        genre="Hip-Hop",
        artist="AWOL",
        album="AWOL",
        title="Food",
        licence=LICENCE,
    )
    missing = sources["001039"]
    assert missing.location == str(fma / "fma_small/001/001039.mp3")
    assert not Path(missing.location).exists()
    assert (missing.genre, missing.artist, missing.title) == ("Rock", "Kurt Vile", "Frêtless")
    assert sources["001040"].genre == "Pop"  # of another subset
    assert (sources["000005"].genre, sources["000005"].title) == ("", "This, World")
    assert "no top genre" in sources["000005"].label_fault
    assert "no row" in sources["155320"].label_fault


def test_a_larger_folder_holds_the_smaller_subsets(fma: Path) -> None:
    (fma / "fma_small").rename(fma / "fma_medium")
    medium = by_id(list_sources(fma))
    (fma / "fma_medium").rename(fma / "fma_full")

    assert list(medium) == STEMS
    assert by_id(list_sources(fma)).keys() == {*STEMS, "001041"}


def test_the_folder_of_clips_may_be_named(fma: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list_sources(fma)
    monkeypatch.chdir(fma / "fma_small")

    assert list_sources(fma / "fma_small") == list_sources(".") == whole


def test_folders_and_clips_that_are_links_are_listed_once(fma: Path, tmp_path: Path) -> None:
    elsewhere = (fma / "fma_small").rename(tmp_path / "elsewhere")
    (fma / "fma_small").symlink_to(elsewhere)
    clip = (elsewhere / "000" / "000002.mp3").rename(tmp_path / "clip.mp3")
    (elsewhere / "000" / "000002.mp3").symlink_to(clip)

    for place in (fma, fma / "fma_small"):
        found = [Path(source.location) for source in list_sources(place)]
        assert [path.stem for path in found] == STEMS
        assert {path.parents[1] for path in found} == {fma / "fma_small"}


def test_without_its_table_a_folder_is_no_such_collection(fma: Path) -> None:
    shutil.rmtree(fma / "fma_metadata")

    assert find_fma(fma) == find_fma(fma / "fma_small") == []


def test_a_table_without_a_needed_column_is_refused(tmp_path: Path) -> None:
    write_tracks_csv(tmp_path, [column for column in COLUMNS if column != ("track", "genre_top")])
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


@pytest.mark.parametrize(
    ("folder", "suffix"), [("genres", ".au"), ("genres_original", ".wav"), ("genres", ".flac")]
)
def test_each_clip_of_gtzan_has_its_genre(tmp_path: Path, folder: str, suffix: str) -> None:
    clips = [
        write_clip(tmp_path / folder / genre / f"{genre}.{number:05d}{suffix}", seed=number)
        for genre in ("blues", "hiphop")
        for number in range(2)
    ]
    (tmp_path / folder / "bextract_single.mf").write_text("blues/blues.00000.au\tblues\n")

    for place in (tmp_path, tmp_path / folder):
        assert list_sources(place) == [
            Source(
                location=str(clip),
                genre=clip.parent.name,
                title=clip.stem,
                source_id=str(clip),
            )
            for clip in clips
        ]


def test_songs_beside_gtzan_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_clip(tmp_path / "genres" / "jazz" / "jazz.00054.au")
    write_clip(tmp_path / "mine" / "song.wav")

    with caplog.at_level(logging.WARNING):
        sources = list_sources(tmp_path)

    assert [Path(source.location).name for source in sources] == ["jazz.00054.au"]
    assert "1 song " in caplog.text
    assert "song.wav" in caplog.text


def test_a_folder_that_is_only_called_genres_is_a_genre(tmp_path: Path) -> None:
    write_clip(tmp_path / "genres" / "live" / "song.wav")

    assert [source.genre for source in list_sources(tmp_path)] == ["genres"]


@pytest.mark.parametrize("inner", ["Data/genres_original", "archive/gtzan"])
def test_gtzan_is_found_further_below_and_refused_beside_other_songs(
    tmp_path: Path, inner: str
) -> None:
    clip = write_clip(tmp_path / inner / "blues" / "blues.00000.wav")
    write_clip(tmp_path / inner / "jazz" / "jazz.00000.wav")

    assert {source.genre for source in list_sources(tmp_path)} == {"blues", "jazz"}
    assert list_sources(tmp_path)[0].location == str(clip)
    write_clip(tmp_path / "rock" / "song.wav")
    with pytest.raises(UsageError, match=r"2 clips of GTZAN in .*, and 1 other song\."):
        list_sources(tmp_path)


def test_fma_is_found_further_below(fma: Path) -> None:
    assert list_sources(fma.parent) == list_sources(fma)


@pytest.mark.parametrize(
    ("clips", "name"),
    [
        (("000/000002.mp3", "155/155320.mp3"), r"Free Music Archive .* fma_metadata\.zip"),
        (("14/214.mp3", "00/1234500.mp3"), "MTG-Jamendo .* autotagging_genre"),
        (("000/000002.flac",), "Free Music Archive"),
        (("14/214.low.mp3",), "MTG-Jamendo"),
    ],
)
def test_clips_in_folders_of_numbers_are_refused_without_their_table(
    tmp_path: Path, clips: tuple[str, ...], name: str
) -> None:
    for clip in clips:
        write_clip(tmp_path / "audio" / clip)

    for place in (tmp_path, tmp_path / "audio"):
        with pytest.raises(UsageError, match=name):
            list_sources(place)
    assert len(list_sources(tmp_path, takes_unlabelled=True)) == len(clips)


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


@pytest.mark.parametrize("audio", ["audio", ".", "raw_30s/audio", "../raw_30s/audio"])
def test_the_audio_of_jamendo_is_below_or_beside_the_table(tmp_path: Path, audio: str) -> None:
    table = write_table(tmp_path / "data" / "autotagging_genre.tsv", *LINES)
    clip = write_clip(table.parent / audio / "15" / "215.mp3")

    for place in (table, table.parent):
        sources = list_sources(place)
        assert sources[1].location == str(clip.resolve())
        assert len(sources) == len(LINES)


@pytest.mark.parametrize("audio", ["audio-low", "../raw_30s/audio-low"])
def test_the_audio_of_low_quality_has_names_of_its_own(tmp_path: Path, audio: str) -> None:
    table = write_table(tmp_path / "data" / "autotagging_genre.tsv", *LINES)
    clip = write_clip(table.parent / audio / "15" / "215.low.mp3")

    assert list_sources(table)[1].location == str(clip.resolve())
    assert list_sources(clip.parents[1]) == list_sources(table)


def test_genre_tags_of_jamendo_are_labels_and_other_tags_are_not(tmp_path: Path) -> None:
    one, two, none = list_sources(write_table(tmp_path / "autotagging.tsv", *LINES))

    assert (one.genre, one.labels, one.artist) == ("punkrock", (), "artist_000014")
    assert (two.genre, two.labels) == ("", ("metal", "rock"))
    assert (none.genre, none.labels) == ("", ())
    assert "no genre" in none.label_fault


def test_a_path_that_leads_out_of_the_collection_is_refused(tmp_path: Path) -> None:
    line = LINES[0].replace("14/214.mp3", "../../etc/passwd")

    with pytest.raises(UsageError, match=r"line 2: .* leads out"):
        list_sources(write_table(tmp_path / "autotagging.tsv", line))


def test_several_tables_or_another_table_are_no_library(tmp_path: Path) -> None:
    for name in ("autotagging.tsv", "raw_30s.tsv"):
        write_table(tmp_path / name, *LINES)
    (tmp_path / "notes.tsv").write_text("TRACK\tTITLE\n1\tFood\n", encoding="utf-8")

    with pytest.raises(UsageError, match=r"autotagging\.tsv, raw_30s\.tsv"):
        list_sources(tmp_path)
    with pytest.raises(UsageError, match="needs the columns"):
        list_sources(tmp_path / "notes.tsv")

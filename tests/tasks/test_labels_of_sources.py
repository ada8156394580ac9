"""Collections and labels: which genre a song of a source gets, and which songs have none."""

import shutil
from pathlib import Path

import pytest

from genre_core.dataset.labels import LabelRules
from storage.catalog.connection import fetch_values, open_catalog
from storage.catalog.songs import tracks_of_sources
from storage.home import DataLayout
from tasks.download import download_chunk, select_sources
from tasks.duplicates import record_wave
from tests.conftest import encode
from tests.storage.sources.conftest import write_fma
from tests.tasks.steps import LIMITS, ingest_listing, outcomes, scanned

pytestmark = pytest.mark.usefixtures("quiet_runs")


def ingest(layout: DataLayout, music: Path, genre_map: dict[str, str], *genres: str) -> list[str]:
    """Ingest a library; return the names of the songs that were new or listed otherwise."""
    rules = LabelRules(genre_map=genre_map, genres=genres)
    return scanned(ingest_listing(layout, music, rules))


@pytest.fixture
def fma(tmp_path: Path) -> Path:
    return write_fma(tmp_path / "fma")


def test_every_track_of_a_collection_has_an_outcome(layout: DataLayout, fma: Path) -> None:
    ingest(layout, fma, {})

    assert outcomes(layout) == {
        "000002.mp3": ("Hip-Hop", "ok", ""),
        "000005.mp3": ("", "quarantined", "label_unknown"),
        "001039.mp3": ("Rock", "quarantined", "not_found"),
        "001040.mp3": ("Pop", "ok", ""),
        "155320.mp3": ("", "quarantined", "label_unknown"),
    }


def test_songs_follow_the_genre_map_from_run_to_run(layout: DataLayout, fma: Path) -> None:
    def genres_under(genre_map: dict[str, str], *genres: str) -> list[tuple[str, str]]:
        again.append(ingest(layout, fma, genre_map, *genres))
        found = outcomes(layout)
        return [(found[name][0], found[name][2]) for name in ("000002.mp3", "001040.mp3")]

    again: list[list[str]] = []
    unmapped, unknown = {"hip-hop": "hiphop"}, "label_unknown"
    assert genres_under({}) == [("Hip-Hop", ""), ("Pop", "")]
    assert genres_under(unmapped) == [("hiphop", ""), ("Pop", unknown)]
    assert genres_under({"Hip-Hop": "hiphop", "Pop": "pop"}) == [("hiphop", ""), ("pop", "")]
    assert genres_under({"Hip-Hop": "rap", "Pop": "pop"}) == [("rap", ""), ("pop", "")]
    with open_catalog(layout) as catalog:
        assert set(fetch_values(catalog, "select genre from tracks")) == {"rap", "pop"}
        query = "select message from outcomes where reason = 'label_unknown'"
        assert fetch_values(catalog, query)
    assert genres_under({"Hip-Hop": "rap", "Pop": "pop"}, "pop") == [
        ("Hip-Hop", unknown),
        ("pop", ""),
    ]
    assert ["000002.mp3" in names for names in again[2:4]] == [False, True]
    assert ["001040.mp3" in names for names in again[2:4]] == [True, False]


def test_a_song_that_is_relabelled_keeps_its_place_though_its_file_is_gone(
    layout: DataLayout, fma: Path
) -> None:
    ingest(layout, fma, {"Hip-Hop": "hiphop"})
    clip = fma / "fma_small" / "000" / "000002.mp3"
    with open_catalog(layout) as catalog:
        versions = fetch_values(catalog, "select version from outcomes where outcome = 'ok'")
        catalog.execute("update outcomes set version = '' where outcome = 'ok'")
    clip.unlink()

    ingest(layout, fma, {"Hip-Hop": "rap"})

    assert all(versions)
    assert outcomes(layout)["000002.mp3"] == ("rap", "ok", "")
    with open_catalog(layout) as catalog:
        assert fetch_values(catalog, "select genre from tracks") == ["rap"]


def test_a_song_that_lost_its_label_for_a_while_comes_back_without_a_fetch(
    layout: DataLayout, fma: Path
) -> None:
    ingest(layout, fma, {"Hip-Hop": "hiphop"})
    ingest(layout, fma, {"Pop": "pop"})
    lost = outcomes(layout)["000002.mp3"]

    rules = LabelRules(genre_map={"Hip-Hop": "hiphop"})
    selected = select_sources.fn(layout, str(fma), rules)

    assert lost == ("Hip-Hop", "quarantined", "label_unknown")
    assert [track.genre for track in selected.stored] == ["hiphop"]


def retag(song: Path, artist: str, to: Path) -> None:
    encode(song, to, "-c", "copy", "-metadata", f"artist={artist}")
    to.replace(song)


def test_a_corrected_tag_and_a_replaced_file_are_followed(
    layout: DataLayout, recordings: Path, tmp_path: Path
) -> None:
    for genre, name in (("jazz", "a 64.mp3"), ("rock", "another.flac")):
        (tmp_path / "music" / genre).mkdir(parents=True)
        shutil.copy(recordings / name, tmp_path / "music" / genre / name)
    music, song = tmp_path / "music", tmp_path / "music" / "jazz" / "a 64.mp3"
    ingest(layout, music, {})
    nothing = ingest(layout, music, {})
    retag(song, "Named Now", tmp_path / "new.mp3")
    shutil.copy(recordings / "d cut.mp3", other := music / "rock" / "another.flac")
    with open_catalog(layout) as catalog:
        before = tracks_of_sources(catalog, [str(song), str(other)])

    selected = select_sources.fn(layout, str(music))
    fetched = download_chunk.fn(layout, selected.sources, LIMITS, ())
    recorded = record_wave.fn(layout, selected.sources, [fetched])

    with open_catalog(layout) as catalog:
        after = tracks_of_sources(catalog, [str(song), str(other)])
    assert nothing == []
    assert after[str(song)][1].artist == "Named Now"
    assert after[str(song)][1].track_id == before[str(song)][1].track_id
    assert after[str(other)][1].track_id != before[str(other)][1].track_id
    assert recorded.changes == (
        f"{song}: artist none → Named Now",
        f"{other} is another recording now: the next extract makes its spectrograms",
    )
    assert ingest(layout, music, {}) == []

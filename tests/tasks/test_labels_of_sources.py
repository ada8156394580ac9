"""Collections and labels: which genre a song of a source gets, and which songs have none."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from genre_core.dataset.labels import LabelRules
from genre_core.records import Source
from storage.catalog.connection import fetch_rows, open_catalog
from storage.fetch.download import DownloadLimits
from storage.home import DataLayout
from tasks.download import Fetched, download_chunk, record_wave, select_sources
from tasks.duplicates import mark_duplicates
from tests.storage.sources.conftest import write_fma

pytestmark = pytest.mark.usefixtures("quiet_runs")


def fetch(layout: DataLayout, sources: Sequence[Source], genres: Sequence[str] = ()) -> Fetched:
    return download_chunk.fn(layout, sources, DownloadLimits(), genres)


def ingest_library(
    layout: DataLayout, music: Path, genre_map: dict[str, str], *genres: str
) -> list[str]:
    """Ingest a library task by task; give the names of the songs that were looked at."""
    rules = LabelRules(genre_map=genre_map, genres=genres)
    selected = select_sources.fn(layout, str(music), rules)
    sources = (*selected.sources, *selected.relabelled)
    fetched = [fetch(layout, selected.sources, genres), Fetched(tracks=selected.stored)]
    record_wave.fn(layout, mark_duplicates.fn(layout, sources, fetched))
    return [Path(source.location).stem for source in sources]


def standing(layout: DataLayout) -> dict[str, tuple[str, str, str]]:
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select source, genre, outcome, reason from outcomes")
    return {Path(r["source"]).stem: (r["genre"], r["outcome"], r["reason"]) for r in rows}


def test_every_track_of_a_collection_has_an_outcome(layout: DataLayout, tmp_path: Path) -> None:
    fma = write_fma(tmp_path / "fma")

    ingest_library(layout, fma, {})

    assert standing(layout) == {
        "000002": ("Hip-Hop", "ok", ""),
        "000005": ("", "quarantined", "label_unknown"),
        "001039": ("Rock", "quarantined", "not_found"),
        "001040": ("Pop", "ok", ""),
        "155320": ("", "quarantined", "label_unknown"),
    }


def test_a_map_gives_songs_their_genres_and_names_the_labels_it_lacks(
    layout: DataLayout, tmp_path: Path
) -> None:
    fma = write_fma(tmp_path / "fma")

    ingest_library(layout, fma, {"hip-hop": "hiphop"})

    stood = standing(layout)
    assert stood["000002"] == ("hiphop", "ok", "")
    assert stood["001040"] == ("Pop", "quarantined", "label_unknown")
    with open_catalog(layout) as catalog:
        query = "select message from outcomes where genre = 'Pop'"
        assert "'Pop'" in fetch_rows(catalog, query)[0]["message"]


def test_a_longer_map_brings_left_out_songs_back(layout: DataLayout, tmp_path: Path) -> None:
    fma = write_fma(tmp_path / "fma")
    ingest_library(layout, fma, {"Hip-Hop": "hiphop"})

    looked_at = ingest_library(layout, fma, {"Hip-Hop": "hiphop", "Pop": "pop"})

    assert "000002" not in looked_at
    assert standing(layout)["001040"] == ("pop", "ok", "")


def test_a_changed_map_gives_a_song_its_new_genre(layout: DataLayout, tmp_path: Path) -> None:
    fma = write_fma(tmp_path / "fma")
    ingest_library(layout, fma, {"Hip-Hop": "hiphop", "Pop": "pop"})

    looked_at = ingest_library(layout, fma, {"Hip-Hop": "rap", "Pop": "pop"})

    assert "001040" not in looked_at
    assert standing(layout)["000002"] == ("rap", "ok", "")
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select genre from tracks order by genre")
    assert [row["genre"] for row in rows] == ["pop", "rap"]


def test_a_song_whose_label_is_not_mapped_any_more_is_left_out(
    layout: DataLayout, tmp_path: Path
) -> None:
    fma = write_fma(tmp_path / "fma")
    ingest_library(layout, fma, {})

    ingest_library(layout, fma, {"Hip-Hop": "hiphop"})

    assert standing(layout)["001040"] == ("Pop", "quarantined", "label_unknown")


def test_a_label_mapped_to_no_genre_of_the_settings_is_unknown(
    layout: DataLayout, tmp_path: Path
) -> None:
    fma = write_fma(tmp_path / "fma")

    ingest_library(layout, fma, {"Hip-Hop": "hiphop", "Pop": "pop"}, "pop", "jazz")

    stood = standing(layout)
    assert stood["000002"] == ("Hip-Hop", "quarantined", "label_unknown")
    assert stood["001040"] == ("pop", "ok", "")


def test_a_song_that_is_relabelled_keeps_its_place_though_its_file_is_gone(
    layout: DataLayout, tmp_path: Path
) -> None:
    fma = write_fma(tmp_path / "fma")
    ingest_library(layout, fma, {"Hip-Hop": "hiphop"})
    clip = fma / "fma_small" / "000" / "000002.mp3"
    with open_catalog(layout) as catalog:
        version = fetch_rows(catalog, "select version from outcomes where outcome = 'ok'")
        catalog.execute("update outcomes set version = '' where outcome = 'ok'")
    clip.unlink()

    ingest_library(layout, fma, {"Hip-Hop": "rap"})

    assert version != [{"version": ""}]
    assert standing(layout)["000002"] == ("rap", "ok", "")
    with open_catalog(layout) as catalog:
        assert fetch_rows(catalog, "select genre from tracks") == [{"genre": "rap"}]


def test_a_song_that_lost_its_label_for_a_while_comes_back_without_a_fetch(
    layout: DataLayout, tmp_path: Path
) -> None:
    fma = write_fma(tmp_path / "fma")
    ingest_library(layout, fma, {"Hip-Hop": "hiphop"})
    ingest_library(layout, fma, {"Pop": "pop"})
    lost = standing(layout)["000002"]

    rules = LabelRules(genre_map={"Hip-Hop": "hiphop"})
    selected = select_sources.fn(layout, str(fma), rules)

    assert lost == ("Hip-Hop", "quarantined", "label_unknown")
    assert [track.genre for track in selected.stored] == ["hiphop"]

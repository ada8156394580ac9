"""Copies through the whole of ingest: re-encoded, cut, in other containers, under two genres."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from flows.settings import Settings
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.query import query_rows

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_server"), pytest.mark.both]

COPIES = ("a 64.mp3", "b 192.mp3", "c 96.m4a", "d cut.mp3", "e lossless.flac")


@pytest.fixture
def music(recordings: Path, tmp_path: Path) -> Path:
    """A recording in five files of jazz; another song in jazz and in rock."""
    folder = tmp_path / "music"
    shutil.copytree(recordings, folder / "jazz")
    (folder / "rock").mkdir()
    shutil.copy(folder / "jazz" / "another.flac", folder / "rock" / "another again.flac")
    return folder


def contents(config: Settings) -> dict[str, list[dict[str, object]]]:
    """Every row of the catalog, times included."""
    with open_catalog(config.layout) as catalog:
        names = fetch_rows(catalog, "select table_name as name from duckdb_tables()")
        return {
            row["name"]: fetch_rows(catalog, f"select * from {row['name']} order by all")
            for row in names
        }


def test_one_of_several_copies_is_kept_and_two_genres_wait_for_a_decision(
    config: Settings, music: Path
) -> None:
    from flows.extract import extract
    from flows.ingest import ingest

    config = replace(config, music=str(music))
    report = ingest(config)
    extract(config)
    before = contents(config)

    ingest(config)
    extract(config)

    rows = query_rows(config.layout, "select source, outcome, reason from outcomes")
    assert report.outcomes == {"ok": 1, "duplicate": 4, "quarantined": 2, "retryable": 0}
    assert {Path(row["source"]).name: (row["outcome"], row["reason"]) for row in rows} == {
        **dict.fromkeys(COPIES[:4], ("duplicate", "duplicate_recording")),
        "e lossless.flac": ("ok", ""),
        "another.flac": ("quarantined", "label_conflict"),
        "another again.flac": ("quarantined", "label_conflict"),
    }
    conflicts = query_rows(config.layout, "select source, genre from label_conflicts")
    assert {(Path(row["source"]).name, row["genre"]) for row in conflicts} == {
        ("another.flac", "jazz"),
        ("another again.flac", "rock"),
    }
    assert contents(config) == before

"""Command remove: of a song that was taken down nothing is left but that it was, and its split."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from flows.ingest import ingest
from flows.settings import Settings
from storage.catalog.connection import open_catalog
from storage.catalog.query import query_rows
from storage.catalog.removals import find_song
from storage.catalog.songs import release_songs
from storage.home import DataLayout
from storage.lock import hold_home, hold_night
from storage.maintenance import takedown
from storage.maintenance.takedown import finish_removals, take_down
from tests.catalogs import in_catalog
from tests.conftest import write_manifest
from tests.flows.conftest import Call

KEPT = {"removals", "outcomes", "assignments", "snapshot_tracks", "splits"}

pytestmark = pytest.mark.flow


def first_of(layout: DataLayout, split: str = "train") -> dict[str, str]:
    statement = """
        select track_id, source, artist from splits join outcomes using (track_id)
            join tracks using (track_id)
        where split = ? and outcome = 'ok' order by source limit 1
    """
    return query_rows(layout, statement, [split])[0]


def tables_with(database: Path, track_id: str) -> set[str]:
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute(
            """select table_name from duckdb_columns() where column_name = 'track_id'
            and not internal"""
        ).fetchall()
        return {
            name
            for (name,) in names
            if connection.execute(f"from {name} where track_id = ?", [track_id]).fetchall()
        }


def shards_with(layout: DataLayout, track_id: str) -> list[Path]:
    shards = list(layout.shards.rglob("*.parquet"))
    assert shards
    return [s for s in shards if track_id in pq.read_table(s)["track_id"].to_pylist()]


def files_of(layout: DataLayout, track_id: str) -> list[Path]:
    return [path for path in layout.home.rglob(f"*{track_id}*") if path.is_file()]


def places_of(layout: DataLayout, track_id: str) -> list[object]:
    databases = (layout.catalog, layout.published)
    tables = set().union(*(tables_with(database, track_id) for database in databases))
    return [*files_of(layout, track_id), *shards_with(layout, track_id), *(tables - KEPT)]


def test_nothing_of_a_removed_song_is_left_but_its_removal_and_its_split(
    finished_copy: Settings, genreflow: Call
) -> None:
    layout = finished_copy.layout
    song = first_of(layout)
    n_before = query_rows(layout, "select count(*) as n from spectrograms")[0]["n"]
    assert len(places_of(layout, song["track_id"])) > 8

    result = genreflow(
        *("remove", song["track_id"][:10], "--reason", "asked", "--yes", "--home", layout.home)
    )

    assert result.code == 0
    assert places_of(layout, song["track_id"]) == []
    assert tables_with(layout.catalog, song["track_id"]) == KEPT - {"splits"}
    n_after = query_rows(layout, "select count(*) as n from spectrograms")[0]["n"]
    assert n_before - n_after == 2 * 3  # two lengths, three fragments
    removal = query_rows(layout, "select track_id, artist, reason from removals")
    assert removal == [{"track_id": song["track_id"], "artist": song["artist"], "reason": "asked"}]
    outcome = query_rows(
        layout, "select outcome, reason from outcomes where source = ?", [song["source"]]
    )
    assert outcome == [{"outcome": "quarantined", "reason": "removed"}]
    learned = re.findall(r"[0-9a-f]{32}", result.out)
    assert sorted(learned) == sorted(
        row["run_id"] for row in query_rows(layout, "select run_id from runs")
    )


@pytest.mark.parametrize("spelling", ["ADA HUMS", "ada-hums!"])
def test_all_songs_of_an_artist_are_removed_in_any_spelling(
    finished_copy: Settings, genreflow: Call, spelling: str
) -> None:
    layout = finished_copy.layout

    n_groups = len(query_rows(layout, "select distinct group_id from splits"))

    genreflow("remove", "--artist", spelling, "--yes", "--home", layout.home)

    assert query_rows(layout, "select * from tracks where artist = 'Ada hums'") == []
    groups = {row["group_id"] for row in query_rows(layout, "select group_id from splits")}
    assert len(groups) == n_groups
    assert not [group_id for group_id in groups if "hums" in group_id and "ada" in group_id]
    assert len(query_rows(layout, "select * from removals where artist = 'Ada hums'")) == 2


def test_songs_that_an_artist_shares_are_removed_and_counted(
    finished_copy: Settings, genreflow: Call
) -> None:
    layout = finished_copy.layout
    with open_catalog(layout) as catalog:
        catalog.execute(
            """update tracks set title = title || ' (feat. Ada Hums)' where track_id in (
            select min(track_id) from tracks where artist <> 'Ada hums')"""
        )

    result = genreflow("remove", "--artist", "ada hums", "--yes", "--home", layout.home)

    assert "1 of 3 songs names other artists beside ada hums." in result.out
    assert query_rows(layout, "select title from tracks where title like '%feat. Ada%'") == []


@pytest.mark.parametrize("step", ["publish", "remove_orphans", "record_removal"])
def test_a_removal_that_was_killed_is_finished_by_the_next_call(
    finished_copy: Settings, genreflow: Call, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    layout = finished_copy.layout
    song = first_of(layout)

    def die(*_arguments: object) -> None:
        raise KeyboardInterrupt

    found = in_catalog(layout, find_song, song["source"])
    with monkeypatch.context() as killed:
        killed.setattr(takedown, step, die)
        with pytest.raises(KeyboardInterrupt):
            take_down(layout, found, "", "nobody")
    assert places_of(layout, song["track_id"])

    result = genreflow("remove", song["source"], "--yes", "--home", layout.home)

    assert result.code == 0
    assert places_of(layout, song["track_id"]) == []
    assert len(query_rows(layout, "select * from removals")) == 1


@contextmanager
def touched(song: Path) -> Iterator[None]:
    """A song of the shared library looks as if it had changed, for a while."""
    before = song.stat()
    song.touch()
    yield
    os.utime(song, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_removed_song_stays_away_under_its_own_and_any_other_path(
    finished_copy: Settings, tmp_path: Path
) -> None:
    layout = finished_copy.layout
    song = first_of(layout)
    take_down(layout, in_catalog(layout, find_song, song["source"]), "", "nobody")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(song["source"], elsewhere)
    name = Path(song["source"]).name
    write_manifest(
        elsewhere,
        [{"path": p, "genre": "hiss", "artist": "", "title": ""} for p in (song["source"], name)],
    )

    with touched(Path(song["source"])):
        report = ingest(replace(finished_copy, music=str(elsewhere)))

    assert report.n_new == 1  # the other path; its own is not even looked at
    assert places_of(layout, song["track_id"]) == []
    found = query_rows(layout, "select outcome, reason from outcomes where reason = 'removed'")
    assert found == 2 * [{"outcome": "quarantined", "reason": "removed"}]


def test_only_who_asks_for_removed_songs_lets_them_in_again(finished_copy: Settings) -> None:
    layout = finished_copy.layout
    song = first_of(layout)
    take_down(layout, in_catalog(layout, find_song, song["source"]), "", "nobody")

    in_catalog(layout, release_songs, "", "")
    ingest(finished_copy)
    away = query_rows(layout, "select * from tracks where track_id = ?", [song["track_id"]])
    n_released = in_catalog(layout, release_songs, "removed", song["source"])
    ingest(finished_copy)
    back = query_rows(layout, "select * from tracks where track_id = ?", [song["track_id"]])

    assert (len(away), n_released, len(back)) == (0, 1, 1)


def test_pages_of_nights_go_with_a_removed_song_and_other_reports_that_name_it_are_told(
    finished_copy: Settings, genreflow: Call
) -> None:
    layout = finished_copy.layout
    song = first_of(layout)
    for name in ("nights/one.html", "nights/latest.md", "study/page.html"):
        (layout.reports / name).parent.mkdir(parents=True, exist_ok=True)
        (layout.reports / name).write_text(f"left out: {song['artist']}", "utf-8")

    result = genreflow("remove", song["track_id"], "--yes", "--home", layout.home)
    later = layout.reports / "nights" / "later.html"
    later.write_text("made after the removal", "utf-8")

    assert finish_removals(layout) == 0
    assert list((layout.reports / "nights").iterdir()) == [later]
    assert f"{layout.reports / 'study' / 'page.html'} still names them" in result.out
    assert "artifacts `morning-…`" in result.out


def test_the_home_is_free_while_a_person_is_asked(
    finished_copy: Settings, genreflow: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = finished_copy.layout
    song = first_of(layout)
    held = []

    def agree(*_asked: object, **_how: object) -> bool:
        with hold_night(layout), hold_home(layout):
            held.append(True)
            take_down(layout, in_catalog(layout, find_song, song["source"]), "", "another")
        return True

    monkeypatch.setattr("typer.confirm", agree)
    result = genreflow("remove", song["source"], "--home", layout.home)

    assert held == [True]
    assert result.code == 0
    assert len(query_rows(layout, "select * from removals where who = 'another'")) == 1

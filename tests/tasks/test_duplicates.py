"""Duplicates of a recording: the best is kept, whichever came first."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.settings import Settings
from genre_core.records import Source
from storage.catalog.assignments import candidate_ids, read_library
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.extraction import select_pending
from storage.home import DataLayout
from tasks.duplicates import (
    fingerprint_chunk,
    record_fingerprints,
    select_doubtful,
    select_unfingerprinted,
)
from tasks.spectrograms import key_features
from tests.catalogs import in_catalog
from tests.tasks.steps import collect, extract, find_duplicates, outcomes

pytestmark = pytest.mark.usefixtures("quiet_runs")

COPIES = ("a 64.mp3", "b 192.mp3", "c 96.m4a", "d cut.mp3", "e lossless.flac")
DUPLICATE, KEPT = ("duplicate", "duplicate_recording"), ("ok", "")
CONFLICT = ("quarantined", "label_conflict")


def listed(folder: Path, *names: str, genre: str = "jazz") -> list[Source]:
    return [Source(location=str(folder / name), genre=genre) for name in names]


def ingest(layout: DataLayout, *waves: Sequence[Source]) -> None:
    for wave in waves:
        collect(layout, wave)
    find_duplicates(layout)


def rows_of(layout: DataLayout, statement: str) -> list[dict[str, Any]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, statement)


def results(layout: DataLayout) -> dict[str, tuple[str, str]]:
    """Outcome and reason by the name of the file."""
    return {name: found[1:] for name, found in outcomes(layout).items()}


def excluded(layout: DataLayout) -> set[str]:
    rows = rows_of(layout, "select location from tracks semi join excluded_tracks using (track_id)")
    return {Path(row["location"]).name for row in rows}


def genres(layout: DataLayout) -> set[str]:
    return {row["genre"] for row in rows_of(layout, "select genre from tracks")}


def everything(layout: DataLayout) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, times included."""
    names = rows_of(layout, "select table_name as name from duckdb_tables()")
    return {
        row["name"]: rows_of(layout, f"select * from {row['name']} order by all") for row in names
    }


def test_the_best_duplicate_is_kept_and_the_others_are_linked_to_it(
    layout: DataLayout, recordings: Path
) -> None:
    ingest(layout, listed(recordings, *COPIES, "another.flac"))

    assert results(layout) == {
        **dict.fromkeys(COPIES[:4], DUPLICATE),
        "e lossless.flac": KEPT,
        "another.flac": KEPT,
    }
    assert excluded(layout) == set(COPIES[:4])
    linked = rows_of(
        layout,
        "select distinct location from excluded_tracks "
        "join tracks on tracks.track_id = duplicate_of",
    )
    assert [Path(row["location"]).name for row in linked] == ["e lossless.flac"]
    (cut,) = rows_of(
        layout,
        "select offset_s, similarity, one.codec from duplicates "
        "join tracks as one using (track_id) join tracks as other on other.track_id = other_id "
        "where one.codec || other.codec like '%flac%' and "
        "'d cut.mp3' in (parse_filename(one.location), parse_filename(other.location))",
    )
    ahead_s = cut["offset_s"] if cut["codec"] == "flac" else -cut["offset_s"]
    assert ahead_s == pytest.approx(5.0, abs=0.13)
    assert cut["similarity"] > 0.9


def test_a_run_that_was_killed_before_full_fingerprints_decided_is_resumed(
    layout: DataLayout, recordings: Path
) -> None:
    collect(layout, listed(recordings, "a 64.mp3", "d cut.mp3", "another.flac"))
    found = fingerprint_chunk.fn(layout, select_unfingerprinted.fn(layout), 15)
    record_fingerprints.fn(layout, [found])
    doubtful = {Path(track.location).name for track in select_doubtful.fn(layout)}
    before = rows_of(layout, "select * from duplicates")

    find_duplicates(layout)

    assert (doubtful, before) == ({"a 64.mp3", "d cut.mp3"}, [])
    assert sorted(results(layout).values()) == [DUPLICATE, KEPT, KEPT]
    assert select_doubtful.fn(layout) == []


def test_the_order_of_arrival_changes_nothing(
    config: Settings, recordings: Path, tmp_path: Path
) -> None:
    one, other = config.layout, DataLayout(tmp_path / "other home")
    songs = listed(recordings, *COPIES[:2], "e lossless.flac")

    ingest(one, songs)
    for song in reversed(songs):
        ingest(other, [song])

    assert results(one) == results(other)
    for table in ("duplicates", "excluded_tracks"):
        statement = f"select * from {table} order by all"
        assert rows_of(one, statement) == rows_of(other, statement)


def test_an_excluded_duplicate_is_neither_extracted_nor_a_candidate(
    config: Settings, recordings: Path
) -> None:
    layout, keys = config.layout, list(key_features(config.features))
    ingest(layout, listed(recordings, "a 64.mp3", "e lossless.flac"))

    pending = in_catalog(layout, select_pending, keys)
    extract(config)

    assert [Path(p.track.location).name for p in pending] == ["e lossless.flac"]
    ((candidate,), _) = in_catalog(layout, read_library, keys, ())
    assert candidate.track_id == pending[0].track.track_id
    assert len(candidate.recordings) == 1
    assert results(layout)["a 64.mp3"] == DUPLICATE


def test_a_better_duplicate_takes_the_place_and_the_split_of_an_extracted_one(
    config: Settings, recordings: Path
) -> None:
    layout, keys = config.layout, list(key_features(config.features))
    ingest(layout, listed(recordings, "b 192.mp3"))
    extract(config)
    ((old,), _) = in_catalog(layout, read_library, keys, ())
    with open_catalog(layout) as catalog:
        catalog.execute(
            "insert into assignments (track_id, genre, split, group_id, split_level) "
            "select track_id, genre, 'test', 'group', 'group' from tracks"
        )

    ingest(layout, listed(recordings, "e lossless.flac"))
    extract(config)

    (new,) = in_catalog(layout, candidate_ids, keys, ())
    songs, places = in_catalog(layout, read_library, keys, ())
    assert new != old.track_id
    assert {song.track_id for song in songs} == {old.track_id, new}
    assert len({song.recordings for song in songs}) == 1
    assert list(places) == [old.track_id]
    assert results(layout) == {"b 192.mp3": DUPLICATE, "e lossless.flac": KEPT}
    assert len(rows_of(layout, "select distinct track_id from extracted")) == 2


def test_a_recording_under_two_genres_waits_for_its_labels_to_agree(
    config: Settings, recordings: Path
) -> None:
    layout = config.layout
    jazz, rock = listed(recordings, "a 64.mp3"), listed(recordings, "b 192.mp3", genre="rock")
    ingest(layout, jazz, rock)
    extract(config)
    undecided = results(layout)

    ingest(layout, [replace(rock[0], genre="jazz")])
    extract(config)

    assert set(undecided.values()) == {CONFLICT}
    assert results(layout) == {"a 64.mp3": DUPLICATE, "b 192.mp3": KEPT}
    assert genres(layout) == {"jazz"}


@pytest.mark.parametrize("order", ["one wave", "two waves", "reversed"])
def test_a_file_under_two_genres_is_a_conflict_whichever_came_first(
    layout: DataLayout, recordings: Path, tmp_path: Path, order: str
) -> None:
    first, again = tmp_path / "jazz" / "a 64.mp3", tmp_path / "rock" / "0 again.mp3"
    for song in (first, again):
        song.parent.mkdir()
        shutil.copy(recordings / "a 64.mp3", song)
    jazz, rock = listed(first.parent, first.name), listed(again.parent, again.name, genre="rock")
    waves = {"one wave": [jazz + rock], "two waves": [jazz, rock], "reversed": [rock, jazz]}[order]

    ingest(layout, *waves)

    assert set(results(layout).values()) == {CONFLICT}
    rows = rows_of(layout, "select source, message from outcomes")
    messages = {Path(row["source"]).name: row["message"] for row in rows}
    assert str(again) in messages["a 64.mp3"]
    assert str(first) in messages["0 again.mp3"]
    assert excluded(layout) == {Path(waves[0][0].location).name}


@pytest.mark.parametrize("disk_is_absent", [False, True])
def test_a_conflict_ends_when_the_file_under_the_wrong_genre_is_deleted_not_when_its_disk_is_absent(
    layout: DataLayout, recordings: Path, tmp_path: Path, disk_is_absent: bool
) -> None:
    folder = tmp_path / "disk" / "rock"
    folder.mkdir(parents=True)
    shutil.copy(recordings / "a 64.mp3", folder / "wrong.mp3")
    shutil.copy(recordings / "a 64.mp3", folder / "not listed.mp3")
    ingest(layout, listed(recordings, "a 64.mp3"), listed(folder, "wrong.mp3", genre="rock"))

    if disk_is_absent:
        shutil.rmtree(folder)
    else:
        (folder / "wrong.mp3").unlink()
    find_duplicates(layout)

    if disk_is_absent:
        assert set(results(layout).values()) == {CONFLICT}
    else:
        assert results(layout) == {
            "a 64.mp3": KEPT,
            "wrong.mp3": ("duplicate", "duplicate_content"),
        }
        assert (genres(layout), excluded(layout)) == ({"jazz"}, set())


def test_a_conflict_ends_when_the_folder_of_the_wrong_genre_is_renamed(
    layout: DataLayout, recordings: Path, tmp_path: Path
) -> None:
    wrong, right = tmp_path / "music" / "rock", tmp_path / "music" / "jazz"
    wrong.mkdir(parents=True)
    shutil.copy(recordings / "a 64.mp3", wrong)
    ingest(layout, listed(wrong, "a 64.mp3", genre="rock"))

    wrong.rename(right)
    ingest(layout, listed(right, "a 64.mp3"))

    rows = rows_of(layout, "select source, outcome from outcomes order by source")
    assert [(Path(r["source"]).parent.name, r["outcome"]) for r in rows] == [
        ("jazz", "ok"),
        ("rock", "duplicate"),
    ]
    assert genres(layout) == {"jazz"}


def test_what_extraction_decided_of_a_kept_duplicate_stays(
    config: Settings, recordings: Path
) -> None:
    strict = replace(config, fragments=replace(config.fragments, min_track_s=100.0))
    ingest(config.layout, listed(recordings, "a 64.mp3", "b 192.mp3"))
    extract(strict)

    find_duplicates(config.layout)

    assert results(config.layout) == {
        "a 64.mp3": DUPLICATE,
        "b 192.mp3": ("quarantined", "too_short"),
    }


def test_a_second_run_changes_no_row_of_any_table(
    config: Settings, recordings: Path, tmp_path: Path
) -> None:
    layout = config.layout
    shutil.copy(recordings / "another.flac", tmp_path / "another.flac")
    shutil.copy(recordings / "e lossless.flac", tmp_path / "twice.flac")
    ingest(
        layout,
        listed(recordings, *COPIES, "another.flac"),
        listed(tmp_path, "twice.flac"),
        listed(tmp_path, "another.flac", genre="rock"),
    )
    extract(config)
    before = everything(layout)

    find_duplicates(layout)
    extract(config)

    assert everything(layout) == before
    assert len(before["outcomes"]) == 8


def test_a_song_that_is_absent_is_fingerprinted_by_the_next_run(
    layout: DataLayout, recordings: Path
) -> None:
    collect(layout, listed(recordings, "a 64.mp3"))
    (track,) = select_unfingerprinted.fn(layout)
    song = layout.song(track.track_id, track.suffix)
    away = song.rename(song.with_suffix(".away"))
    find_duplicates(layout)
    missing = select_unfingerprinted.fn(layout)
    away.rename(song)

    find_duplicates(layout)

    assert len(missing) == 1
    assert select_unfingerprinted.fn(layout) == []


def test_a_song_that_cannot_be_decoded_has_an_empty_fingerprint_and_stops_no_other(
    layout: DataLayout, recordings: Path
) -> None:
    collect(layout, listed(recordings, "a 64.mp3", "b 192.mp3"))
    damaged = select_unfingerprinted.fn(layout)[0]
    layout.song(damaged.track_id, damaged.suffix).write_bytes(b"no music")

    find_duplicates(layout)

    rows = rows_of(layout, "select track_id, octet_length(items) as n from fingerprints order by n")
    assert [row["n"] == 0 for row in rows] == [True, False]
    assert rows[0]["track_id"] == damaged.track_id

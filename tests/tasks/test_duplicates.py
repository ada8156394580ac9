"""Copies of a recording: the best is kept, the genre is never decided by who came first."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.settings import Settings
from genre_core.records import Source
from storage.audio import fingerprint as chromaprint
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.extraction import select_pending
from storage.catalog.snapshots import read_candidates, read_settled
from storage.fetch.download import DownloadLimits
from storage.home import DataLayout
from tasks.download import download_chunk, record_wave
from tasks.duplicates import (
    mark_duplicates,
    print_chunk,
    record_prints,
    select_unprinted,
    settle_copies,
)
from tasks.extract import record_shards, select_tracks, settle_extraction
from tasks.spectrograms import convert_chunk, extract_chunk, key_features
from tests.catalogs import in_catalog
from tests.conftest import chords, write_song

pytestmark = pytest.mark.usefixtures("quiet_runs")

COPIES = ("a 64.mp3", "b 192.mp3", "c 96.m4a", "d cut.mp3", "e lossless.flac")


def listed(folder: Path, *names: str, genre: str = "jazz") -> list[Source]:
    return [Source(location=str(folder / name), genre=genre) for name in names]


def collect(layout: DataLayout, sources: Sequence[Source]) -> None:
    fetched = download_chunk.fn(layout, sources, DownloadLimits(), ())
    record_wave.fn(layout, mark_duplicates.fn(layout, sources, [fetched]))


def find_copies(layout: DataLayout) -> None:
    record_prints.fn(layout, [print_chunk.fn(layout, select_unprinted.fn(layout))])
    settle_copies.fn(layout)


def ingest(layout: DataLayout, *waves: Sequence[Source]) -> None:
    for wave in waves:
        collect(layout, wave)
    find_copies(layout)


def extract(config: Settings) -> None:
    layout, features = config.layout, config.features
    pending = select_tracks.fn(layout, features)
    converted = convert_chunk.fn(layout, pending, features)
    record_shards.fn(
        layout, [extract_chunk.fn(layout, converted, features)], config.wav_cache_bytes
    )
    settle_extraction.fn(layout, features)


def rows_of(layout: DataLayout, statement: str) -> list[dict[str, Any]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, statement)


def standing(layout: DataLayout) -> dict[str, tuple[str, str]]:
    rows = rows_of(layout, "select source, outcome, reason from outcomes")
    return {Path(row["source"]).name: (row["outcome"], row["reason"]) for row in rows}


def names_aside(layout: DataLayout) -> set[str]:
    rows = rows_of(layout, "select location from tracks semi join aside using (track_id)")
    return {Path(row["location"]).name for row in rows}


def genres(layout: DataLayout) -> set[str]:
    return {row["genre"] for row in rows_of(layout, "select genre from tracks")}


def everything(layout: DataLayout) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, times included."""
    names = rows_of(layout, "select table_name as name from duckdb_tables()")
    return {
        row["name"]: rows_of(layout, f"select * from {row['name']} order by all") for row in names
    }


def test_the_best_copy_is_kept_and_the_others_are_linked_to_it(
    layout: DataLayout, recordings: Path
) -> None:
    ingest(layout, listed(recordings, *COPIES, "another.flac"))

    assert standing(layout) == {
        **dict.fromkeys(COPIES[:4], ("duplicate", "duplicate_recording")),
        "e lossless.flac": ("ok", ""),
        "another.flac": ("ok", ""),
    }
    assert names_aside(layout) == set(COPIES[:4])
    linked = rows_of(
        layout,
        "select distinct location from aside join tracks on tracks.track_id = duplicate_of",
    )
    assert [Path(row["location"]).name for row in linked] == ["e lossless.flac"]
    assert not layout.prints.exists()


def test_the_offset_of_a_copy_says_what_was_cut(layout: DataLayout, recordings: Path) -> None:
    ingest(layout, listed(recordings, "d cut.mp3", "e lossless.flac"))

    (copy,) = rows_of(
        layout,
        """
        select offset_s, similarity, tracks.codec from copies join tracks using (track_id)
        """,
    )
    ahead_s = copy["offset_s"] if copy["codec"] == "flac" else -copy["offset_s"]
    assert ahead_s == pytest.approx(5.0, abs=0.13)
    assert copy["similarity"] > 0.9


def test_the_order_of_arrival_changes_nothing(
    config: Settings, recordings: Path, tmp_path: Path
) -> None:
    one, other = config.layout, DataLayout(tmp_path / "other home")
    songs = listed(recordings, *COPIES[:2], "e lossless.flac")

    ingest(one, songs)
    for song in reversed(songs):
        ingest(other, [song])

    assert standing(one) == standing(other)
    for table in ("copies", "aside"):
        statement = f"select * from {table} order by all"
        assert rows_of(one, statement) == rows_of(other, statement)


def test_a_copy_that_stands_aside_is_neither_extracted_nor_a_candidate(
    config: Settings, recordings: Path
) -> None:
    layout, keys = config.layout, list(key_features(config.features))
    ingest(layout, listed(recordings, "a 64.mp3", "e lossless.flac"))

    pending = in_catalog(layout, select_pending, keys)
    extract(config)

    assert [Path(p.track.location).name for p in pending] == ["e lossless.flac"]
    (candidate,) = read_candidates(layout, keys, ())
    assert candidate.track_id == pending[0].track.track_id
    assert len(candidate.recordings) == 1
    assert standing(layout)["a 64.mp3"] == ("duplicate", "duplicate_recording")


def test_a_better_copy_takes_the_place_and_the_side_of_an_extracted_one(
    config: Settings, recordings: Path
) -> None:
    layout, keys = config.layout, list(key_features(config.features))
    ingest(layout, listed(recordings, "b 192.mp3"))
    extract(config)
    (old,) = read_candidates(layout, keys, ())
    with open_catalog(layout) as catalog:
        catalog.execute(
            "insert into assignments (track_id, genre, split, group_id, split_level) "
            "select track_id, genre, 'test', 'group', 'group' from tracks"
        )

    ingest(layout, listed(recordings, "e lossless.flac"))
    extract(config)

    (new,) = read_candidates(layout, keys, ())
    assert new.track_id != old.track_id
    assert [(c.track_id, c.recordings) for c in read_settled(layout)] == [
        (old.track_id, new.recordings)
    ]
    assert standing(layout) == {
        "b 192.mp3": ("duplicate", "duplicate_recording"),
        "e lossless.flac": ("ok", ""),
    }
    assert len(rows_of(layout, "select distinct track_id from extracted")) == 2


def test_a_recording_under_two_genres_waits_for_its_labels_to_agree(
    config: Settings, recordings: Path
) -> None:
    layout = config.layout
    jazz, rock = listed(recordings, "a 64.mp3"), listed(recordings, "b 192.mp3", genre="rock")
    ingest(layout, jazz, rock)
    extract(config)
    open_ones = standing(layout)

    ingest(layout, [replace(rock[0], genre="jazz")])
    extract(config)

    assert set(open_ones.values()) == {("quarantined", "label_conflict")}
    assert standing(layout) == {
        "a 64.mp3": ("duplicate", "duplicate_recording"),
        "b 192.mp3": ("ok", ""),
    }
    assert genres(layout) == {"jazz"}


@pytest.mark.parametrize("waves", ["one", "two", "two, turned"])
def test_a_file_under_two_genres_is_a_conflict_whoever_came_first(
    layout: DataLayout, recordings: Path, tmp_path: Path, waves: str
) -> None:
    first, again = tmp_path / "jazz" / "a 64.mp3", tmp_path / "rock" / "0 again.mp3"
    for song in (first, again):
        song.parent.mkdir()
        shutil.copy(recordings / "a 64.mp3", song)
    jazz, rock = listed(first.parent, first.name), listed(again.parent, again.name, genre="rock")
    order = {"one": [jazz + rock], "two": [jazz, rock], "two, turned": [rock, jazz]}[waves]

    ingest(layout, *order)

    assert set(standing(layout).values()) == {("quarantined", "label_conflict")}
    rows = rows_of(layout, "select source, message from outcomes")
    messages = {Path(row["source"]).name: row["message"] for row in rows}
    assert f"it is also {again} (rock)." in messages["a 64.mp3"]
    assert f"it is also {first} (jazz)." in messages["0 again.mp3"]
    assert names_aside(layout) == {Path(order[0][0].location).name}


def test_a_conflict_ends_when_the_file_in_the_wrong_place_is_gone(
    layout: DataLayout, recordings: Path, tmp_path: Path
) -> None:
    wrong = Path(shutil.copy(recordings / "a 64.mp3", tmp_path / "wrong.mp3"))
    ingest(layout, listed(recordings, "a 64.mp3"), listed(tmp_path, wrong.name, genre="rock"))

    wrong.unlink()
    find_copies(layout)

    assert standing(layout) == {
        "a 64.mp3": ("ok", ""),
        "wrong.mp3": ("duplicate", "duplicate_content"),
    }
    assert genres(layout) == {"jazz"}
    assert names_aside(layout) == set()


def test_what_extraction_decided_of_a_kept_copy_stays(config: Settings, recordings: Path) -> None:
    strict = replace(config, fragments=replace(config.fragments, min_track_s=100.0))
    ingest(config.layout, listed(recordings, "a 64.mp3", "b 192.mp3"))
    extract(strict)

    find_copies(config.layout)

    assert standing(config.layout) == {
        "a 64.mp3": ("duplicate", "duplicate_recording"),
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

    find_copies(layout)
    extract(config)

    assert everything(layout) == before
    assert len(before["outcomes"]) == 8


def test_what_a_killed_run_left_is_printed_by_the_next(
    layout: DataLayout, recordings: Path
) -> None:
    collect(layout, listed(recordings, "a 64.mp3", "b 192.mp3"))
    tracks = select_unprinted.fn(layout)
    print_chunk.fn(layout, tracks[:1])
    (layout.prints / ".half.part").write_bytes(b"1")

    again = select_unprinted.fn(layout)
    find_copies(layout)

    assert again == tracks
    assert len(rows_of(layout, "select * from copies")) == 1
    assert not layout.prints.exists()


def test_a_song_that_takes_too_long_is_printed_by_the_next_run(
    layout: DataLayout, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(layout, listed(recordings, "a 64.mp3"))
    monkeypatch.setattr(chromaprint, "TIME_LIMIT_S", 0.0)
    find_copies(layout)
    missing = select_unprinted.fn(layout)
    monkeypatch.undo()

    find_copies(layout)

    assert len(missing) == 1
    assert select_unprinted.fn(layout) == []


def test_a_song_that_cannot_be_decoded_has_an_empty_print_and_leaves_the_others_be(
    layout: DataLayout, recordings: Path
) -> None:
    collect(layout, listed(recordings, "a 64.mp3", "b 192.mp3"))
    damaged = select_unprinted.fn(layout)[0]
    layout.song(damaged.track_id, damaged.suffix).write_bytes(b"no music")

    find_copies(layout)

    rows = rows_of(layout, "select track_id, octet_length(items) as n from prints order by n")
    assert [row["n"] == 0 for row in rows] == [True, False]
    assert rows[0]["track_id"] == damaged.track_id


def test_the_bit_rate_that_an_older_catalog_lacks_is_filled_in(
    layout: DataLayout, recordings: Path
) -> None:
    collect(layout, listed(recordings, "a 64.mp3"))
    with open_catalog(layout) as catalog:
        catalog.execute("update tracks set bit_rate = 0")

    find_copies(layout)

    (row,) = rows_of(layout, "select bit_rate from tracks")
    assert row["bit_rate"] == pytest.approx(64_000, rel=0.02)


def test_the_built_in_library_is_printed_and_matched_with_nothing(
    layout: DataLayout, recordings: Path
) -> None:
    built_in = write_song(layout.builtin / "jazz" / "tune.wav", chords, seed=1, duration_s=30.0)
    ingest(layout, listed(recordings, "a 64.mp3"), listed(built_in.parent, built_in.name))

    assert len(rows_of(layout, "select * from prints")) == 2
    assert rows_of(layout, "select * from copies") == []
    assert set(standing(layout).values()) == {("ok", "")}


def test_a_conflict_stays_while_the_disk_of_one_file_is_absent(
    layout: DataLayout, recordings: Path, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    (disk / "rock").mkdir(parents=True)
    shutil.copy(recordings / "a 64.mp3", disk / "rock" / "on disk.mp3")
    ingest(
        layout, listed(recordings, "a 64.mp3"), listed(disk / "rock", "on disk.mp3", genre="rock")
    )

    shutil.rmtree(disk / "rock")
    find_copies(layout)

    assert set(standing(layout).values()) == {("quarantined", "label_conflict")}


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

"""Missing and damaged files are found, and made again."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from genre_core.records import Result
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.extraction import all_shards, select_pending
from storage.catalog.publish import publish
from storage.catalog.songs import record_songs
from storage.home import DataLayout
from storage.maintenance.doctor import examine, examine_deeply
from storage.maintenance.integrity import (
    damaged_shards,
    damaged_songs,
    missing_shards,
    missing_songs,
    move_unnamed_songs,
    repair_shards,
    repair_songs,
    unnamed_shards,
    unnamed_songs,
)
from tests.catalogs import in_catalog
from tests.storage.catalog.conftest import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from genre_core.records import Track


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0b100
    path.write_bytes(content)


def song_of(layout: DataLayout, store: Store, content: bytes) -> Track:
    track_id = hashlib.sha256(content).hexdigest()
    track = replace(store.track(content.decode()), track_id=track_id)
    layout.song(track_id, ".mp3").parent.mkdir(parents=True, exist_ok=True)
    layout.song(track_id, ".mp3").write_bytes(content)
    return track


@pytest.fixture(scope="module")
def made(empty_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Track]]:
    """The home with the songs, which each test copies."""
    home = tmp_path_factory.mktemp("songs")
    shutil.copy(empty_catalog, DataLayout(home).catalog)
    store = Store(DataLayout(home), home)
    tracks = [song_of(store.layout, store, content) for content in (b"one", b"two")]
    store.add_songs(*tracks)
    for track in tracks:
        store.extract("key", track)
    return home, tracks


@pytest.fixture
def songs(made: tuple[Path, list[Track]], store: Store) -> list[Track]:
    """Two songs with their originals, each with a shard of its own."""
    home, tracks = made
    shutil.copytree(home, store.layout.home, dirs_exist_ok=True)
    publish(store.layout)
    return tracks


def test_nothing_is_found_where_all_is_well(store: Store, songs: list[Track]) -> None:
    found = examine_deeply(store.layout)

    assert [(finding.name, finding.ok) for finding in found] == [
        ("shard contents", True),
        ("song contents", True),
        ("orphans", True),
    ]
    assert found[2].message == "every file is named by the catalog"


@pytest.mark.parametrize(("damage", "n_missing"), [(remove, 1), (cut, 1), (flip, 0)])
def test_a_shard_that_is_not_what_was_written_is_found(
    store: Store, songs: list[Track], damage: Callable[[Path], None], n_missing: int
) -> None:
    name = in_catalog(store.layout, all_shards)[0]

    damage(store.layout.shards / name)

    assert damaged_shards(store.layout) == [name]
    assert missing_shards(store.layout) == [name][:n_missing]
    assert "doctor --repair" in examine_deeply(store.layout)[0].message


def test_a_shard_with_other_rows_than_the_catalog_says_is_found(
    store: Store, songs: list[Track]
) -> None:
    with open_catalog(store.layout) as catalog:
        catalog.execute(
            "update extracted set n_fragments = 5 where track_id = ?", [songs[0].track_id]
        )
        rows = fetch_rows(catalog, "select shard from extracted where n_fragments = 5")

    assert damaged_shards(store.layout) == [rows[0]["shard"]]


def test_a_damaged_shard_is_forgotten_and_its_songs_wait(store: Store, songs: list[Track]) -> None:
    name = in_catalog(store.layout, all_shards)[0]
    flip(store.layout.shards / name)

    repaired = repair_shards(store.layout)

    assert repaired == [name]
    assert len(in_catalog(store.layout, select_pending, ["key"])) == 1
    assert damaged_shards(store.layout) == []


@pytest.mark.parametrize("damage", [cut, flip])
def test_an_original_with_other_bytes_is_found(
    store: Store, damage: Callable[[Path], None]
) -> None:
    track = song_of(store.layout, store, b"a song of some length" * 20)
    store.add_songs(track)

    damage(store.layout.song(track.track_id, ".mp3"))

    assert damaged_songs(store.layout) == [track.track_id]
    assert missing_songs(store.layout) == []


def test_originals_that_are_gone_or_damaged_are_fetched_by_the_next_ingest(
    store: Store, songs: list[Track]
) -> None:
    gone, damaged = (store.layout.song(track.track_id, ".mp3") for track in songs)
    gone.unlink()
    damaged.write_bytes(b"tow")

    repaired = repair_songs(store.layout)

    assert repaired == sorted(track.track_id for track in songs)
    assert (store.layout.songs / ".damaged" / damaged.name).read_bytes() == b"tow"
    with open_catalog(store.layout) as catalog:
        rows = fetch_rows(catalog, "select distinct outcome, reason from outcomes")
    assert rows == [{"outcome": "retryable", "reason": "not_found"}]


def test_a_copy_whose_original_is_gone_is_fetched_again_though_it_is_a_duplicate(
    store: Store,
) -> None:
    best, copy = (song_of(store.layout, store, content) for content in (b"best", b"copy"))
    store.add_songs(best)
    in_catalog(store.layout, record_songs, [copy], [store.outcome(copy, Result.DUPLICATE)])
    in_catalog(store.layout, record_songs, [], [store.copy_of(best)])
    for track in (best, copy):
        store.layout.song(track.track_id, ".mp3").unlink()

    repair_songs(store.layout)

    with open_catalog(store.layout) as catalog:
        rows = fetch_rows(catalog, "select source, outcome from outcomes")
    assert {row["source"]: row["outcome"] for row in rows} == {
        best.location: "retryable",
        copy.location: "retryable",
        "/copies/best": "duplicate",
    }


def test_a_track_that_no_source_leads_to_may_have_no_original(
    store: Store, songs: list[Track]
) -> None:
    in_catalog(store.layout, record_songs, [store.track("left")], [])
    publish(store.layout)

    found = {finding.name: finding for finding in examine(store.layout)}["songs"]

    assert (found.ok, found.message) == (True, "all 2 songs are there")
    assert missing_songs(store.layout) == []


def test_originals_that_nobody_names_are_moved_out_of_the_way(
    store: Store, songs: list[Track]
) -> None:
    stray = song_of(store.layout, store, b"stray")

    swept = move_unnamed_songs(store.layout)

    assert swept == [f"{stray.track_id[:2]}/{stray.track_id}.mp3"]
    assert (store.layout.songs / ".unnamed" / f"{stray.track_id}.mp3").read_bytes() == b"stray"
    assert unnamed_songs(store.layout) == []
    assert missing_songs(store.layout) == []


def test_files_that_nobody_names_are_told(store: Store, songs: list[Track]) -> None:
    orphan = store.shard("key", store.track("orphan"))
    stray = song_of(store.layout, store, b"stray")

    found = examine_deeply(store.layout)[2]

    assert unnamed_shards(store.layout) == [orphan.name]
    assert unnamed_songs(store.layout) == [f"{stray.track_id[:2]}/{stray.track_id}.mp3"]
    assert found.ok
    assert "1 files in shards/ and 1 in songs/" in found.message

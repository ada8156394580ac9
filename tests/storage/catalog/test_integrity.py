"""Missing and damaged files are found, and made again."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from genre_core.records import Result
from storage.catalog.extraction import all_shards, select_pending
from storage.catalog.publish import publish
from storage.catalog.songs import record_songs
from storage.home import DataLayout
from storage.maintenance.doctor import examine, examine_deeply
from storage.maintenance.integrity import repair, take_inventory
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


def test_an_intact_home_passes_every_deep_check(store: Store, songs: list[Track]) -> None:
    found = examine_deeply(store.layout)

    assert [finding.ok for finding in found] == [True, True, True]
    assert found[2].message == "every file is named by the catalog"
    assert repair(store.layout) == ([], [])


@pytest.mark.parametrize("damage", [remove, cut, flip, None])
def test_a_damaged_shard_is_found_and_forgotten_and_its_song_is_pending(
    store: Store, songs: list[Track], damage: Callable[[Path], None] | None
) -> None:
    name = store.call(all_shards)[0]
    if damage:
        damage(store.layout.shards / name)
    else:  # the catalog names other rows
        store.rows(f"update extracted set n_fragments = 5 where shard = '{name}'")
    finding = examine_deeply(store.layout)[0]

    repaired = repair(store.layout)

    assert not finding.ok
    assert "doctor --repair" in finding.message
    assert repaired == ([name], [])
    assert len(store.call(select_pending, ["key"])) == 1
    assert take_inventory(store.layout).damaged_shards() == []


@pytest.mark.parametrize("damage", [remove, cut, flip])
def test_a_damaged_original_is_found_and_fetched_by_the_next_ingest(
    store: Store, damage: Callable[[Path], None]
) -> None:
    track = song_of(store.layout, store, b"a song of some length" * 20)
    store.add_songs(track)
    path = store.layout.song(track.track_id, ".mp3")
    damage(path)
    left = path.read_bytes() if path.exists() else b""

    assert repair(store.layout) == ([], [track.track_id])

    assert store.rows("select outcome, reason from outcomes") == [("retryable", "not_found")]
    moved = store.layout.songs / ".damaged" / path.name
    assert (moved.read_bytes() if moved.exists() else b"") == left


def test_a_copy_whose_original_is_missing_is_fetched_again_though_it_is_a_duplicate(
    store: Store,
) -> None:
    best, copy = (song_of(store.layout, store, content) for content in (b"best", b"copy"))
    store.add_songs(best)
    store.call(record_songs, [copy], [store.outcome(copy, Result.DUPLICATE)])
    store.call(record_songs, [], [store.copy_of(best)])
    for track in (best, copy):
        store.layout.song(track.track_id, ".mp3").unlink()

    repair(store.layout)

    assert dict(store.rows("select source, outcome from outcomes")) == {
        best.location: "retryable",
        copy.location: "retryable",
        "/copies/best": "duplicate",
    }


def test_a_track_without_a_source_may_have_no_original(store: Store, songs: list[Track]) -> None:
    store.call(record_songs, [store.track("left")], [])
    publish(store.layout)

    found = {finding.name: finding for finding in examine(store.layout)}["songs"]

    assert (found.ok, found.message) == (True, "2 songs are there, none is missing")
    assert take_inventory(store.layout).missing_songs() == []


def test_unnamed_files_are_found_and_originals_moved(store: Store, songs: list[Track]) -> None:
    store.shard("key", store.track("orphan"))
    stray = song_of(store.layout, store, b"stray")
    found = examine_deeply(store.layout)[2]

    repair(store.layout)

    assert found.ok
    assert "1 file in shards/ and 1 in songs/" in found.message
    assert (store.layout.songs / ".unnamed" / f"{stray.track_id}.mp3").read_bytes() == b"stray"
    assert "1 file in shards/ and 0 in songs/" in examine_deeply(store.layout)[2].message


def test_a_repair_replaces_no_file_that_an_earlier_one_has_moved(
    store: Store, songs: list[Track]
) -> None:
    for folder in ("ab", "cd"):
        stray = store.layout.songs / folder / "mine.mp3"
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_bytes(folder.encode())

    repair(store.layout)

    moved = (store.layout.songs / ".unnamed").iterdir()
    assert sorted(path.read_bytes() for path in moved) == [b"ab", b"cd"]

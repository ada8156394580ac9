"""The snapshot of a choice: the one named, else the newest of the configured library."""

import pytest

from genre_core.errors import UsageError
from storage.catalog.publish import publish
from storage.catalog.snapshots import (
    NEWEST,
    Snapshot,
    SnapshotChoice,
    choose_published,
    choose_snapshot,
    record_snapshot,
)
from storage.home import DataLayout
from tests.catalogs import in_catalog
from tests.storage.catalog.conftest import Store


def freeze(store: Store, key: str, *titles: str, all_genres: bool = True) -> Snapshot:
    """Freeze some of the three songs under a key."""
    ids = [store.track(title).track_id for title in titles]
    return in_catalog(store.layout, record_snapshot, key, ids, 0, all_genres=all_genres)


def chosen(store: Store, choice: SnapshotChoice = NEWEST) -> Snapshot:
    """Return the snapshot of a choice, which catalog and published store agree on."""
    publish(store.layout)
    found = in_catalog(store.layout, choose_snapshot, choice)
    assert choose_published(store.layout, choice) == found
    return found


def test_without_a_snapshot_there_is_none(layout: DataLayout) -> None:
    assert in_catalog(layout, choose_snapshot, NEWEST) is None


def test_a_snapshot_is_found_by_its_id_or_as_the_newest(store: Store) -> None:
    store.three_songs()
    older, newer = freeze(store, "key", "a", "b"), freeze(store, "key", "a", "b", "c")

    assert chosen(store) == newer
    assert chosen(store, SnapshotChoice(snapshot_id=older.snapshot_id[:8])) == older
    with pytest.raises(UsageError, match="no snapshot ffff"):
        chosen(store, SnapshotChoice(snapshot_id="ffff"))


def test_a_library_of_fewer_genres_moves_the_choice_only_where_the_settings_ask_for_it(
    store: Store,
) -> None:
    store.three_songs()
    everything = freeze(store, "key", "a", "b", "c")
    freeze(store, "key", "a", "b", all_genres=False)

    assert chosen(store) == everything
    assert chosen(store, SnapshotChoice(genres=("jazz",))).n_tracks == 2


def test_a_snapshot_of_all_genres_stays_one_if_a_sweep_names_them(store: Store) -> None:
    store.three_songs()
    everything = freeze(store, "key", "a", "b", "c")
    freeze(store, "key", "a", "b", "c", all_genres=False)

    assert chosen(store) == everything


def test_features_of_the_settings_come_before_others_used_later(store: Store) -> None:
    tracks = store.three_songs()
    own = freeze(store, "key", "a", "b", "c")  # thesis, 1 s
    store.embed({track: [1.0, 2.0] for track in tracks}, "made")
    store.extract("made", *tracks)
    choice = SnapshotChoice(spectrograms=("thesis",), fragment_lengths_s=(1.0,))
    freeze(store, "made", "a", "b", "c")

    assert chosen(store, choice) == own

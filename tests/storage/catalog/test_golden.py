"""Golden songs: frozen once, by command again, and never changed."""

from genre_core.records import Split, Track
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.promotions import (
    freeze_golden,
    read_golden,
    read_golden_versions,
    read_waiting,
    renew_golden,
)
from storage.home import DataLayout
from tests.storage.catalog.conftest import Store


def put_aside(store: Store, *names: str, genre: str = "jazz") -> list[Track]:
    tracks = [store.track(name, genre) for name in names]
    store.add_songs(*tracks)
    store.place(*tracks, split=Split.GOLDEN)
    return tracks


def frozen(layout: DataLayout) -> list[dict[str, object]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, "select * from golden_songs order by all")


def test_an_empty_catalog_has_no_golden_songs(layout: DataLayout) -> None:
    assert freeze_golden(layout) is None
    assert read_golden(layout) is None
    assert read_golden_versions(layout) == []


def test_nothing_is_frozen_before_every_genre_has_two(store: Store) -> None:
    store.three_songs()
    put_aside(store, "d")

    assert freeze_golden(store.layout) is None

    put_aside(store, "e")
    put_aside(store, "r", genre="rock")

    assert freeze_golden(store.layout) is None
    assert frozen(store.layout) == []


def test_what_stands_in_golden_places_is_frozen_as_version_one(store: Store) -> None:
    store.three_songs()
    jazz, rock = put_aside(store, "d", "e"), put_aside(store, "r", "s", "t", genre="rock")

    golden = freeze_golden(store.layout)

    assert golden is not None
    assert golden.name == "golden 1"
    assert golden.n_songs == {"jazz": 2, "rock": 3}
    assert golden.genre_of_track == {track.track_id: track.genre for track in (*jazz, *rock)}
    assert read_golden(store.layout) == golden


def test_a_frozen_version_stays_when_songs_come_in_or_change_their_genre(store: Store) -> None:
    songs = put_aside(store, "d", "e")
    golden, before = freeze_golden(store.layout), frozen(store.layout)
    put_aside(store, "f", "g")
    with open_catalog(store.layout) as catalog:
        catalog.execute("update tracks set genre = 'rock' where track_id = ?", [songs[0].track_id])

    assert freeze_golden(store.layout) == golden
    assert frozen(store.layout) == before
    assert read_waiting(store.layout).n_songs == {"jazz": 3, "rock": 1}


def test_a_new_version_is_frozen_on_command_and_leaves_the_old_one(store: Store) -> None:
    put_aside(store, "d", "e")
    first = freeze_golden(store.layout)
    put_aside(store, "f")

    second = renew_golden(store.layout)

    assert second is not None
    assert (second.version, second.n_songs) == (2, {"jazz": 3})
    assert read_golden_versions(store.layout) == [first, second]
    assert freeze_golden(store.layout) == second


def test_where_nothing_differs_no_version_is_added(store: Store) -> None:
    put_aside(store, "d", "e")
    freeze_golden(store.layout)

    assert renew_golden(store.layout) is None
    assert len(read_golden_versions(store.layout)) == 1


def test_a_copy_that_stands_aside_is_not_frozen(store: Store) -> None:
    songs = put_aside(store, "d", "e", "f")
    with open_catalog(store.layout) as catalog:
        catalog.execute(
            "insert into excluded_tracks values (?, 'duplicate_recording', ?, '')",
            [songs[0].track_id, songs[1].track_id],
        )

    golden = freeze_golden(store.layout)

    assert golden is not None
    assert set(golden.genre_of_track) == {track.track_id for track in songs[1:]}

"""Golden songs: frozen once, by command again, and never changed."""

from genre_core.records import Split, Track
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.promotions import (
    freeze_golden,
    read_golden,
    read_golden_versions,
    read_next_golden,
    renew_golden,
)
from storage.home import DataLayout
from tests.catalogs import in_catalog
from tests.storage.catalog.conftest import Store


def put_aside(store: Store, *names: str, genre: str = "jazz") -> list[Track]:
    tracks = [store.track(name, genre) for name in names]
    store.add_songs(*tracks)
    store.assign(*tracks, split=Split.GOLDEN)
    return tracks


def frozen(layout: DataLayout) -> list[dict[str, object]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, "select * from golden_songs order by all")


def test_an_empty_catalog_has_no_golden_songs(layout: DataLayout) -> None:
    assert in_catalog(layout, freeze_golden) is None
    assert in_catalog(layout, read_golden) is None
    assert in_catalog(layout, read_golden_versions) == []


def test_nothing_is_frozen_before_every_genre_has_two(store: Store) -> None:
    store.three_songs()
    put_aside(store, "d")

    assert in_catalog(store.layout, freeze_golden) is None

    put_aside(store, "e")
    put_aside(store, "r", genre="rock")

    assert in_catalog(store.layout, freeze_golden) is None
    assert frozen(store.layout) == []


def test_what_stands_in_golden_places_is_frozen_as_version_one(store: Store) -> None:
    store.three_songs()
    jazz, rock = put_aside(store, "d", "e"), put_aside(store, "r", "s", "t", genre="rock")

    golden = in_catalog(store.layout, freeze_golden)

    assert golden is not None
    assert golden.name == "golden 1"
    assert golden.n_songs == {"jazz": 2, "rock": 3}
    assert golden.genre_of_track == {track.track_id: track.genre for track in (*jazz, *rock)}
    assert in_catalog(store.layout, read_golden) == golden


def test_a_frozen_version_stays_when_songs_come_in_or_change_their_genre(store: Store) -> None:
    songs = put_aside(store, "d", "e")
    golden, before = in_catalog(store.layout, freeze_golden), frozen(store.layout)
    put_aside(store, "f", "g")
    with open_catalog(store.layout) as catalog:
        catalog.execute("update tracks set genre = 'rock' where track_id = ?", [songs[0].track_id])

    assert in_catalog(store.layout, freeze_golden) == golden
    assert frozen(store.layout) == before
    assert in_catalog(store.layout, read_next_golden).n_songs == {"jazz": 3, "rock": 1}


def test_a_new_version_is_frozen_on_command_and_leaves_the_old_one(store: Store) -> None:
    put_aside(store, "d", "e")
    first = in_catalog(store.layout, freeze_golden)
    put_aside(store, "f")

    second = in_catalog(store.layout, renew_golden)

    assert second is not None
    assert (second.version, second.n_songs) == (2, {"jazz": 3})
    assert in_catalog(store.layout, read_golden_versions) == [first, second]
    assert in_catalog(store.layout, freeze_golden) == second


def test_where_nothing_differs_no_version_is_added(store: Store) -> None:
    put_aside(store, "d", "e")
    in_catalog(store.layout, freeze_golden)

    assert in_catalog(store.layout, renew_golden) is None
    assert len(in_catalog(store.layout, read_golden_versions)) == 1


def test_a_copy_that_stands_aside_is_not_frozen(store: Store) -> None:
    songs = put_aside(store, "d", "e", "f")
    with open_catalog(store.layout) as catalog:
        catalog.execute(
            "insert into excluded_tracks values (?, 'duplicate_recording', ?, '')",
            [songs[0].track_id, songs[1].track_id],
        )

    golden = in_catalog(store.layout, freeze_golden)

    assert golden is not None
    assert set(golden.genre_of_track) == {track.track_id for track in songs[1:]}

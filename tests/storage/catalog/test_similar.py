"""Similar songs: one statement over the published embeddings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from genre_core.errors import UsageError
from genre_core.records import Split
from storage.catalog.connection import insert_rows, open_catalog
from storage.catalog.embeddings import (
    Among,
    embedded_representations,
    find_embedded,
    nearest_songs,
    read_embedded_library,
)
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.catalog.recordings import settle_recordings

if TYPE_CHECKING:
    from genre_core.records import Track
    from tests.storage.catalog.conftest import Store

VECTORS = {"a": (1.0, 0.0), "b": (8.0, 6.0), "c": (0.0, 1.0), "d": (-3.0, 0.0)}


@pytest.fixture
def tracks(store: Store) -> dict[str, Track]:
    """Four songs; their cosines with ``a`` are 0.8, 0 and -1."""
    songs = {name: store.track(name) for name in VECTORS}
    store.add_songs(*songs.values())
    store.embed({songs[name]: vector for name, vector in VECTORS.items()})
    return songs


def nearest(store: Store, track: Track, **options: object) -> list[tuple[str, float]]:
    publish(store.layout)
    rows = nearest_songs(store.layout, "made", track.track_id, **options)
    return [(row["title"], pytest.approx(row["cosine"], abs=1e-6)) for row in rows]


def test_songs_are_ranked_by_the_cosine_of_their_embeddings(
    store: Store, tracks: dict[str, Track]
) -> None:
    a, b = tracks["a"], tracks["b"]

    assert nearest(store, a) == [("b", 0.8), ("c", 0.0), ("d", -1.0)]
    assert nearest(store, a, embedding=(0.0, 2.0)) == [("c", 1.0), ("b", 0.6), ("d", 0.0)]
    (row,) = nearest_songs(store.layout, "made", a.track_id, n_songs=1)
    assert (row["track_id"], row["source"], row["genre"]) == (b.track_id, b.location, "jazz")


def test_a_duplicate_is_left_out(store: Store, tracks: dict[str, Track]) -> None:
    ids = f"'{tracks['b'].track_id}', '{tracks['c'].track_id}'"
    store.rows(f"insert into duplicates values ({ids}, 0.95, 0)")
    store.rows("update tracks set bit_rate = 9 where title = 'c'")
    store.call(settle_recordings)

    assert nearest(store, tracks["a"]) == [("c", 0.0), ("d", -1.0)]


def test_unlabelled_songs_may_be_looked_for_alone(store: Store, tracks: dict[str, Track]) -> None:
    store.rows("update tracks set genre = '' where title in ('b', 'd')")

    assert nearest(store, tracks["a"], among=Among.UNLABELLED) == [("b", 0.8), ("d", -1.0)]
    assert nearest(store, tracks["a"], among=Among.LABELLED) == [("c", 0.0)]


def test_the_built_in_library_is_left_out_beside_other_music(
    store: Store, tracks: dict[str, Track]
) -> None:
    store.rows("update tracks set is_builtin = true where title <> 'd'")
    own = nearest(store, tracks["a"])
    store.rows("update tracks set is_builtin = true")

    assert own == [("d", -1.0)]
    assert [title for title, _ in nearest(store, tracks["a"])] == ["b", "c", "d"]


def test_a_song_is_found_by_its_source_or_the_beginning_of_its_id(
    store: Store, tracks: dict[str, Track]
) -> None:
    track_id = tracks["a"].track_id
    twins = [replace(store.track("x"), track_id=f"{'0' * 63}{n}") for n in range(2)]
    store.add_songs(store.track("e"), twins[0], replace(twins[1], location="/y.mp3"))
    publish(store.layout)

    names = ("/music/jazz/a.mp3", track_id[:8], track_id[:7], "/elsewhere.mp3")
    found = [find_embedded(store.layout, name, "made") for name in names]

    assert found == [track_id, track_id, "", ""]
    with pytest.raises(UsageError, match="has no embedding made"):
        find_embedded(store.layout, "/music/jazz/e.mp3", "made")
    with pytest.raises(UsageError, match="2 tracks begin with 00000000"):
        find_embedded(store.layout, "00000000", "made")


def test_embeddings_under_other_settings_are_published_once_they_are_used(
    store: Store, tracks: dict[str, Track]
) -> None:
    """One row a song and representation; sizes may differ between representations."""
    store.embed({tracks["a"]: (1.0, 2.0, 3.0)}, feature_key="other", name="other")
    store.embed({tracks["a"]: (5.0, 5.0), tracks["b"]: (5.0, 6.0)}, feature_key="newer")
    with open_catalog(store.layout) as catalog:
        for feature_key, day in (("made", 1), ("newer", 2)):
            row = {"snapshot_id": feature_key, "feature_key": feature_key, "library_id": "library"}
            numbers = {"seed": 0, "n_tracks": 2, "n_examples": 2, "genres": ["jazz"]}
            insert_rows(
                catalog,
                "snapshots",
                [{**row, **numbers, "created_at": f"2020-01-0{day} 00:00:00+00"}],
            )
    publish(store.layout)

    rows = query_rows(
        store.layout,
        "select title, representation, embedding from song_embeddings "
        "join tracks using (track_id) order by all",
    )

    assert [tuple(row.values()) for row in rows] == [
        ("a", "made", [5.0, 5.0]),
        ("a", "other", [1.0, 2.0, 3.0]),
        ("b", "made", [5.0, 6.0]),
    ]
    assert embedded_representations(store.layout) == {"made": "newer", "other": "other"}


def test_songs_with_a_place_are_read_with_their_artists_as_groups(store: Store) -> None:
    songs = [
        store.track("a", "jazz", "Ann"),
        store.track("b", "rock", "ann"),
        store.track("c", "rock"),
        store.track("d", "soul", "Dan"),
    ]
    store.add_songs(*songs)
    store.embed({song: (float(n), 1.0) for n, song in enumerate(songs)})
    splits = (Split.TRAIN, Split.VALIDATION, Split.GOLDEN, Split.TEST)
    for song, split in zip(songs, splits, strict=True):
        store.assign(song, split=split)
    store.rows(f"insert into decisions (track_id, genre) values ('{songs[1].track_id}', 'rock')")

    library = store.call(read_embedded_library, "made", ["jazz", "rock"])

    found = library.songs
    names = {song.track_id: song.title for song in songs}
    rows = {names[track_id]: n for n, track_id in enumerate(found.track_ids)}
    assert sorted(rows) == ["a", "b", "c"]
    assert found.genres == ("jazz", "rock")
    assert found.values[rows["c"]].tolist() == [2.0, 1.0, 0.0]
    assert found.n_features == 2
    assert found.group_ids[rows["a"]] == found.group_ids[rows["b"]] != found.group_ids[rows["c"]]
    assert library.confirmed == {songs[1].track_id}
    assert library.golden == {songs[2].track_id}
    assert set(library.without_golden.track_ids) == {songs[0].track_id, songs[1].track_id}

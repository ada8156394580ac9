"""Golden songs: frozen once, renewed by command, and never changed."""

from genre_core.records import Split, Track
from storage.catalog.promotions import (
    freeze_golden,
    read_golden,
    read_golden_versions,
    read_next_golden,
    renew_golden,
)
from tests.storage.catalog.conftest import Store

FROZEN = "select * from golden_songs order by all"


def add_golden(store: Store, *names: str, genre: str = "jazz") -> list[Track]:
    tracks = [store.track(name, genre) for name in names]
    store.add_songs(*tracks)
    store.assign(*tracks, split=Split.GOLDEN)
    return tracks


def test_the_golden_set_is_frozen_once_every_genre_has_two_songs(store: Store) -> None:
    store.three_songs()
    too_few = [store.call(freeze_golden)]
    songs = add_golden(store, "d")
    too_few.append(store.call(freeze_golden))
    songs += [*add_golden(store, "e"), *add_golden(store, "r", genre="rock")]
    too_few.append(store.call(freeze_golden))
    before = store.call(read_golden), store.call(read_golden_versions), store.rows(FROZEN)
    songs += add_golden(store, "s", "t", genre="rock")

    golden = store.call(freeze_golden)

    assert (too_few, before) == ([None] * 3, (None, [], []))
    assert (golden.name, golden.n_songs) == ("golden 1", {"jazz": 2, "rock": 3})
    assert golden.genre_of_track == {track.track_id: track.genre for track in songs}
    assert store.call(read_golden) == golden


def test_a_frozen_version_stays_when_songs_come_in_or_change_their_genre(store: Store) -> None:
    songs = add_golden(store, "d", "e")
    golden, before = store.call(freeze_golden), store.rows(FROZEN)
    add_golden(store, "f", "g")
    store.rows(f"update tracks set genre = 'rock' where track_id = '{songs[0].track_id}'")

    assert store.call(freeze_golden) == golden
    assert store.rows(FROZEN) == before
    assert store.call(read_next_golden).n_songs == {"jazz": 3, "rock": 1}


def test_a_new_version_is_frozen_on_command_if_anything_differs(store: Store) -> None:
    add_golden(store, "d", "e")
    first = store.call(freeze_golden)
    unchanged = store.call(renew_golden)
    add_golden(store, "f")

    second = store.call(renew_golden)

    assert unchanged is None
    assert (second.version, second.n_songs) == (2, {"jazz": 3})
    assert store.call(read_golden_versions) == [first, second]
    assert store.call(freeze_golden) == second


def test_an_excluded_duplicate_is_not_frozen(store: Store) -> None:
    one, two, three = add_golden(store, "d", "e", "f")
    store.rows(
        "insert into excluded_tracks "
        f"values ('{one.track_id}', 'duplicate_recording', '{two.track_id}', '')"
    )

    golden = store.call(freeze_golden)

    assert set(golden.genre_of_track) == {two.track_id, three.track_id}

"""Removal of an artist: all songs that it is an artist of, and its name in each group."""

from dataclasses import replace

import pytest

from genre_core.dataset.splits import Split
from genre_core.errors import UsageError
from storage.catalog.assignments import record_assignments
from storage.catalog.removals import find_artist, record_removal
from tests.storage.catalog.conftest import Store, assignment

OWN = ("Ada", "The ADA feat. Ben", "Ben ft. Ada", "Cleo / Ada", "Ada & Dan", "Ada, Eve")
OTHERS = ("Adamant", "Ben", "Cleo and the Adas")


@pytest.fixture
def library(store: Store) -> Store:
    songs = [store.track(name, artist=name) for name in (*OWN, *OTHERS)]
    guest = replace(store.track("guest", artist="Fay"), title="Blue (feat. Ada)")
    album = replace(store.track("album", artist="Gil"), album_artist="Ada")
    store.add_songs(*songs, guest, album)
    return store


def test_each_song_that_an_artist_is_named_in_belongs_to_it(library: Store) -> None:
    found = library.call(find_artist, "ada")

    assert {song.artist for song in found} == {*OWN, "Fay", "Gil"}


def test_an_artist_that_is_known_from_a_shared_song_alone_is_found(library: Store) -> None:
    assert [song.artist for song in library.call(find_artist, "DAN")] == ["Ada & Dan"]


def test_an_artist_of_no_song_is_refused(library: Store) -> None:
    with pytest.raises(UsageError, match="has no song of Hal"):
        library.call(find_artist, "Hal")


@pytest.mark.parametrize("group", ["artist:ada", "artist:dan", "artist:ben"])
def test_a_removed_artist_stands_in_no_group_unless_another_song_names_it(
    library: Store, group: str
) -> None:
    songs = library.call(find_artist, "ada")
    kept = library.track("Adamant", artist="Adamant")
    ids = [*(song.track_id for song in songs), kept.track_id]
    named = [replace(assignment(kept, Split.TRAIN), track_id=i, group_id=group) for i in ids]
    library.call(record_assignments, named, {})

    library.call(record_removal, songs, {}, "asked", "ann")

    groups = {group_id for (group_id,) in library.rows("select group_id from assignments")}
    assert groups == ({group} if group == "artist:ben" else {f"track:{min(ids)[:12]}"})

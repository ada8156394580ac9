"""Songs in the catalog: which are fetched, which are tried again, and the outcome of each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_core.dataset.listing import settle_ids
from genre_core.records import Outcome, Reason, Result, Source, Stage, Track
from storage.catalog import connection
from storage.catalog.extraction import select_pending, settle_outcomes
from storage.catalog.songs import (
    count_outcomes,
    held_sources,
    known_packets,
    known_tracks,
    record_songs,
    release_songs,
    select_new_sources,
)
from storage.home import DataLayout
from storage.sources.identity import file_version
from tests.catalogs import in_catalog

if TYPE_CHECKING:
    from pathlib import Path

    from tests.storage.catalog.conftest import Store

BLUE = Source(location="/music/jazz/blue.mp3", genre="jazz")
GREEN = Source(location="https://example.org/green.mp3", genre="jazz")
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
LEFT_OUT = {
    "/music/jazz/a.mp3": (Result.QUARANTINED, Reason.NOT_AUDIO),
    "/music/jazz/b.mp3": (Result.QUARANTINED, Reason.TRUNCATED),
    "/music/jazz fusion/c.mp3": (Result.QUARANTINED, Reason.NOT_AUDIO),
    "https://example.org/d.mp3": (Result.QUARANTINED, Reason.NOT_FOUND),
    "/music/jazz/e.mp3": (Result.OK, Reason.NONE),
    "/music/jazz/f.mp3": (Result.QUARANTINED, Reason.REMOVED),
}


@pytest.fixture(autouse=True, params=[0, 16], ids=["as an Arrow table", "as lists"])
def _inserted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are inserted in both ways, though a test has few of them."""
    monkeypatch.setattr(connection, "FEW_ROWS", request.param)


def outcome(source: Source, result: Result, reason: Reason = Reason.NONE) -> Outcome:
    return Outcome(
        location=source.location,
        genre=source.genre,
        result=result,
        stage=Stage.DOWNLOAD,
        reason=reason,
        source_id=source.source_id,
        version=source.version,
    )


@pytest.mark.parametrize(
    ("result", "reason", "selected"),
    [
        (Result.OK, Reason.NONE, [GREEN]),
        (Result.DUPLICATE, Reason.DUPLICATE_CONTENT, [GREEN]),
        (Result.QUARANTINED, Reason.NOT_AUDIO, [GREEN]),
        (Result.RETRYABLE, Reason.UNREACHABLE, [BLUE, GREEN]),
        (Result.QUARANTINED, Reason.LABEL_UNKNOWN, [BLUE, GREEN]),
    ],
)
def test_songs_without_a_final_outcome_are_fetched(
    store: Store, result: Result, reason: Reason, selected: list[Source]
) -> None:
    store.call(record_songs, [], [outcome(BLUE, result, reason)])

    assert store.call(select_new_sources, [BLUE, GREEN]) == selected


@pytest.mark.parametrize("result", [Result.OK, Result.DUPLICATE, Result.QUARANTINED])
def test_a_song_that_is_listed_under_another_genre_is_new(store: Store, result: Result) -> None:
    relabelled = replace(BLUE, genre="soul")
    store.call(record_songs, [], [outcome(BLUE, result)])

    assert store.call(select_new_sources, [relabelled]) == [relabelled]


@pytest.mark.parametrize("before", [b"no music", None])
@pytest.mark.parametrize("result", [Result.QUARANTINED, Result.OK])
def test_a_file_is_read_again_once_it_has_changed(
    store: Store, tmp_path: Path, before: bytes | None, result: Result
) -> None:
    song = tmp_path / "song.mp3"
    if before:
        song.write_bytes(before)
    listed = Source(location=str(song), genre="jazz", version=file_version(str(song)))
    store.call(record_songs, [], [outcome(listed, result, Reason.NOT_AUDIO)])
    unchanged = store.call(select_new_sources, [listed])

    song.write_bytes(b"music at last")

    assert unchanged == []
    found = store.call(select_new_sources, [listed])
    assert [source.version for source in found] == [file_version(str(song))]


@pytest.mark.parametrize(("artist", "is_new"), [("", False), ("Ann", False), ("Ada", True)])
def test_a_song_is_recorded_anew_if_its_listing_names_another_artist(
    store: Store, artist: str, is_new: bool
) -> None:
    song = store.track("blue", artist="Ann")
    store.add_songs(song)
    listed = Source(location=song.location, genre="jazz", artist=artist)

    assert store.call(select_new_sources, [listed]) == ([listed] if is_new else [])


def test_a_duplicate_keeps_its_own_tags(store: Store) -> None:
    store.add_songs(song := store.track("blue", artist="Ann"))
    other = store.copy_of(song)
    store.call(record_songs, [], [other])
    listed = Source(location=other.location, genre=other.genre, artist="Ada")

    assert store.call(select_new_sources, [listed]) == []


def test_a_song_held_under_two_addresses_is_never_a_duplicate_of_itself(store: Store) -> None:
    song = store.track("blue")
    first = replace(store.outcome(song), source_id="https://music.example/blue")
    second = replace(first, location="/other/blue.mp3", result=Result.DUPLICATE)
    store.call(record_songs, [song], [first, second])
    listings = [
        Source(location=held.location, genre=song.genre, source_id=held.source_id)
        for held in (first, second)
    ]

    held = [store.call(held_sources, [listed]) for listed in listings]

    assert [{source.location for source in found} for found in held] == [
        {first.location, second.location}
    ] * 2
    for listed, found in zip(listings, held, strict=True):
        assert settle_ids([listed], found).outcomes == ()


def test_a_song_held_and_listed_at_one_address_alone_needs_no_settling(store: Store) -> None:
    song = store.track("blue")
    store.call(record_songs, [song], [replace(store.outcome(song), source_id="blue")])
    listed = Source(location=song.location, genre=song.genre, source_id="blue")

    assert store.call(held_sources, [listed]) == []


def test_a_song_keeps_one_row_and_the_time_of_its_first_attempt(store: Store) -> None:
    times = "select first_at, updated_at from outcomes"
    store.call(record_songs, [], [outcome(BLUE, Result.RETRYABLE, Reason.UNREACHABLE)])
    ((first_at, before),) = store.rows(times)

    store.call(record_songs, [], [outcome(BLUE, Result.OK)])

    ((again, after),) = store.rows(times)
    assert (again, after > before) == (first_at, True)
    rows = store.rows("select source, outcome, reason, attempts from outcomes")
    assert rows == [(BLUE.location, "ok", "", 2)]


def test_a_known_track_takes_location_genre_and_tags_of_its_source(store: Store) -> None:
    song, other = store.track("blue"), store.track("green")
    store.add_songs(song, other)
    moved = replace(song, genre="soul", location="/elsewhere/blue.mp3", artist="Ada")

    store.add_songs(moved)

    assert store.call(known_tracks, [song.track_id, "unknown"]) == {song.track_id: moved}


def test_the_earliest_track_of_the_same_packets_is_returned(store: Store) -> None:
    names = {"blue": "packets", "blue again": "packets", "green": "own", "unknown packets": ""}
    songs = [replace(store.track(name), packets_id=packets) for name, packets in names.items()]
    for song in songs:
        store.add_songs(song)

    assert store.call(known_packets, ["packets", "unknown", ""]) == {"packets": songs[0]}


def test_every_outcome_is_counted_also_those_without_a_song(store: Store) -> None:
    store.call(record_songs, [], [outcome(BLUE, Result.OK), outcome(GREEN, Result.OK)])

    counts = {"ok": 2, "duplicate": 0, "quarantined": 0, "retryable": 0}
    assert store.call(count_outcomes) == counts


@settings(max_examples=10, deadline=None)
@given(artist=WORDS, title=WORDS, duration_s=st.floats(0, 1e6), sample_rate=st.integers(1, 192_000))
def test_a_track_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    artist: str,
    title: str,
    duration_s: float,
    sample_rate: int,
) -> None:
    layout = DataLayout(tmp_path_factory.mktemp("home"))
    track = Track(
        track_id="3f9a",
        location="/music/'quoted'/歌.mp3",
        genre="jazz",
        artist=artist,
        album="",
        title=title,
        licence="CC BY 4.0",
        duration_s=duration_s,
        sample_rate=sample_rate,
        channels=1,
        codec="flac",
        suffix=".flac",
    )

    in_catalog(layout, record_songs, [track], [])

    assert in_catalog(layout, known_tracks, ["3f9a"]) == {"3f9a": track}


@pytest.mark.parametrize(
    ("reason", "source", "released"),
    [
        ("not_audio", "", {"/music/jazz/a.mp3", "/music/jazz fusion/c.mp3"}),
        ("", "/music/jazz", {"/music/jazz/a.mp3", "/music/jazz/b.mp3"}),
        ("", "/music/jazz/", {"/music/jazz/a.mp3", "/music/jazz/b.mp3"}),
        ("not_audio", "/music/jazz", {"/music/jazz/a.mp3"}),
        ("", "https://example.org", {"https://example.org/d.mp3"}),
        ("", "/disk/c.mp3", {"/music/jazz fusion/c.mp3"}),  # listed through a link
        ("", "/music/jazz/e.mp3", set()),
        ("silent", "", set()),
        ("removed", "", {"/music/jazz/f.mp3"}),
    ],
)
def test_rejected_songs_of_a_reason_and_place_become_retryable(
    store: Store, reason: str, source: str, released: set[str]
) -> None:
    outcomes = [
        outcome(Source(location=song, genre="jazz", source_id=f"/disk/{song[-5:]}"), *left_out)
        for song, left_out in LEFT_OUT.items()
    ]
    store.call(record_songs, [], outcomes)

    n_released = store.call(release_songs, reason, source)

    rows = store.rows("select source from outcomes where outcome = 'retryable'")
    assert {row[0] for row in rows} == released
    assert n_released == len(released)


def test_only_the_representation_that_failed_is_pending_again(store: Store) -> None:
    silent, song, other = (store.track(name) for name in ("silent", "both", "short before"))
    store.add_songs(silent, song, other)
    store.extract("good", song, other)
    for key in ("good", "failed"):
        store.reject(silent, key, reason=Reason.SILENT)
    store.reject(song, "failed", reason=Reason.NOT_REPRESENTED)
    store.reject(other, "failed", reason=Reason.TOO_SHORT)
    store.call(settle_outcomes, ["good", "failed"])

    n_released = store.call(release_songs, "", "")

    pending = store.call(select_pending, ["good", "failed"])
    assert n_released == 2
    assert {p.track: p.feature_keys for p in pending} == {
        silent: ("failed", "good"),
        song: ("failed",),
    }

"""Songs in the catalog: who is fetched, who is tried again, and what became of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genre_core.records import Outcome, Reason, Result, Source, Stage, Track
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.songs import (
    count_outcomes,
    known_packets,
    known_tracks,
    record_songs,
    select_new_sources,
)
from storage.home import DataLayout
from storage.sources.identity import file_version
from tests.catalogs import in_catalog

if TYPE_CHECKING:
    from tests.storage.catalog.conftest import Store

BLUE = Source(location="/music/jazz/blue.mp3", genre="jazz")
GREEN = Source(location="https://example.org/green.mp3", genre="jazz")
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def outcome(source: Source, result: Result, reason: Reason = Reason.NONE) -> Outcome:
    return Outcome(
        location=source.location,
        genre=source.genre,
        result=result,
        stage=Stage.DOWNLOAD,
        reason=reason,
    )


def rows_of(layout: DataLayout, statement: str) -> list[dict[str, Any]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, statement)


def select_new(layout: DataLayout, sources: list[Source]) -> list[Source]:
    return list(in_catalog(layout, select_new_sources, sources))


def known(store: Store, track_ids: list[str]) -> dict[str, Track]:
    return dict(in_catalog(store.layout, known_tracks, track_ids))


def test_all_songs_are_new_to_an_empty_catalog(layout: DataLayout) -> None:
    assert select_new(layout, [BLUE, GREEN]) == [BLUE, GREEN]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (Result.OK, Reason.NONE),
        (Result.DUPLICATE, Reason.DUPLICATE_CONTENT),
        (Result.QUARANTINED, Reason.NOT_AUDIO),
        (Result.QUARANTINED, Reason.TOO_SHORT),
    ],
)
def test_a_song_whose_outcome_is_for_good_is_not_fetched_again(
    layout: DataLayout, result: Result, reason: Reason
) -> None:
    in_catalog(layout, record_songs, [], [outcome(BLUE, result, reason)])

    assert select_new(layout, [BLUE, GREEN]) == [GREEN]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (Result.RETRYABLE, Reason.UNREACHABLE),
        (Result.RETRYABLE, Reason.INTERRUPTED),
        (Result.QUARANTINED, Reason.LABEL_UNKNOWN),
    ],
)
def test_a_song_that_may_come_right_is_tried_again(
    layout: DataLayout, result: Result, reason: Reason
) -> None:
    in_catalog(layout, record_songs, [], [outcome(BLUE, result, reason)])

    assert select_new(layout, [BLUE]) == [BLUE]


def listed(song: Path) -> Source:
    return Source(location=str(song), genre="jazz")


@pytest.mark.parametrize("before", [b"no music", None])
def test_a_file_that_was_rejected_or_missing_is_tried_again_once_it_has_changed(
    layout: DataLayout, tmp_path: Path, before: bytes | None
) -> None:
    song = tmp_path / "song.mp3"
    if before:
        song.write_bytes(before)
    rejected = outcome(listed(song), Result.QUARANTINED, Reason.NOT_AUDIO)
    rejected = replace(rejected, version=file_version(str(song)))
    in_catalog(layout, record_songs, [], [rejected])
    unchanged = select_new(layout, [listed(song)])

    song.write_bytes(b"music at last")

    assert unchanged == []
    assert [s.location for s in select_new(layout, [listed(song)])] == [str(song)]


def test_a_song_in_the_store_does_not_ask_for_its_file(layout: DataLayout, tmp_path: Path) -> None:
    song = tmp_path / "song.mp3"
    song.write_bytes(b"music")
    in_catalog(layout, record_songs, [], [outcome(listed(song), Result.OK)])

    song.unlink()

    assert select_new(layout, [listed(song)]) == []


@pytest.mark.parametrize("result", [Result.OK, Result.DUPLICATE, Result.QUARANTINED])
def test_a_song_that_is_listed_under_another_genre_is_new(
    layout: DataLayout, result: Result
) -> None:
    relabelled = replace(BLUE, genre="soul")
    in_catalog(layout, record_songs, [], [outcome(BLUE, result)])

    assert select_new(layout, [relabelled]) == [relabelled]


def test_a_song_keeps_one_row_that_counts_its_attempts(layout: DataLayout) -> None:
    in_catalog(layout, record_songs, [], [outcome(BLUE, Result.RETRYABLE, Reason.UNREACHABLE)])
    in_catalog(layout, record_songs, [], [outcome(BLUE, Result.RETRYABLE, Reason.UNREACHABLE)])
    in_catalog(layout, record_songs, [], [outcome(BLUE, Result.OK)])

    rows = rows_of(layout, "select source, outcome, reason, attempts from outcomes")

    assert rows == [{"source": BLUE.location, "outcome": "ok", "reason": "", "attempts": 3}]


def test_a_new_attempt_keeps_the_time_of_the_first(layout: DataLayout) -> None:
    in_catalog(layout, record_songs, [], [outcome(BLUE, Result.RETRYABLE)])
    first = rows_of(layout, "select first_at, updated_at from outcomes")[0]

    in_catalog(layout, record_songs, [], [outcome(BLUE, Result.OK)])

    second = rows_of(layout, "select first_at, updated_at from outcomes")[0]
    assert second["first_at"] == first["first_at"]
    assert second["updated_at"] > first["updated_at"]


def test_a_track_that_is_handed_over_stands_where_its_source_says(store: Store) -> None:
    song = store.track("blue")
    store.add_songs(song)
    moved = replace(song, genre="soul", location="/elsewhere/blue.mp3", artist="Ada")

    store.add_songs(moved)

    assert known(store, [song.track_id]) == {song.track_id: moved}


def test_only_the_tracks_that_are_asked_for_and_known_are_given(store: Store) -> None:
    blue, green = store.track("blue"), store.track("green")
    store.add_songs(blue, green)

    assert known(store, [green.track_id, "unknown"]) == {green.track_id: green}


def test_the_earliest_track_of_the_same_packets_is_given(store: Store) -> None:
    first, later, other = (
        replace(store.track(name), packets_id=packets_id)
        for name, packets_id in (("blue", "packets"), ("blue again", "packets"), ("green", "own"))
    )
    for song in (first, later, other):
        store.add_songs(song)

    assert in_catalog(store.layout, known_packets, ["packets", "unknown"]) == {"packets": first}


def test_tracks_whose_packets_nobody_knows_are_not_the_same(store: Store) -> None:
    store.add_songs(store.track("blue"))

    assert in_catalog(store.layout, known_packets, [""]) == {}


def test_every_outcome_is_counted_also_those_without_a_song(layout: DataLayout) -> None:
    in_catalog(layout, record_songs, [], [outcome(BLUE, Result.OK), outcome(GREEN, Result.OK)])

    assert in_catalog(layout, count_outcomes) == {
        "ok": 2,
        "duplicate": 0,
        "quarantined": 0,
        "retryable": 0,
    }


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

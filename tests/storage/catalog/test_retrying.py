"""Songs that were left out wait to be tried again, as many as were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from genre_core.records import Outcome, Reason, Result, Stage
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.extraction import select_pending, settle_outcomes
from storage.catalog.songs import record_songs, release_songs
from storage.home import DataLayout
from tests.catalogs import in_catalog

if TYPE_CHECKING:
    from tests.storage.catalog.conftest import Store

LEFT_OUT = {
    "/music/jazz/a.mp3": (Result.QUARANTINED, Reason.NOT_AUDIO),
    "/music/jazz/b.mp3": (Result.QUARANTINED, Reason.TRUNCATED),
    "/music/jazz fusion/c.mp3": (Result.QUARANTINED, Reason.NOT_AUDIO),
    "https://example.org/d.mp3": (Result.QUARANTINED, Reason.NOT_FOUND),
    "/music/jazz/e.mp3": (Result.OK, Reason.NONE),
    "/music/jazz/f.mp3": (Result.QUARANTINED, Reason.REMOVED),
}


@pytest.fixture
def judged(layout: DataLayout) -> DataLayout:
    outcomes = [
        Outcome(location=song, genre="jazz", result=result, stage=Stage.DOWNLOAD, reason=reason)
        for song, (result, reason) in LEFT_OUT.items()
    ]
    in_catalog(layout, record_songs, [], outcomes)
    return layout


@pytest.mark.parametrize(
    ("reason", "source", "released"),
    [
        ("not_audio", "", {"/music/jazz/a.mp3", "/music/jazz fusion/c.mp3"}),
        ("", "/music/jazz", {"/music/jazz/a.mp3", "/music/jazz/b.mp3"}),
        ("", "/music/jazz/", {"/music/jazz/a.mp3", "/music/jazz/b.mp3"}),
        ("not_audio", "/music/jazz", {"/music/jazz/a.mp3"}),
        ("", "https://example.org", {"https://example.org/d.mp3"}),
        ("", "/music/jazz/e.mp3", set()),
        ("removed", "", {"/music/jazz/f.mp3"}),
        ("silent", "", set()),
    ],
)
def test_the_songs_that_are_asked_for_become_retryable(
    judged: DataLayout, reason: str, source: str, released: set[str]
) -> None:
    n_released = in_catalog(judged, release_songs, reason, source)

    with open_catalog(judged) as catalog:
        rows = fetch_rows(catalog, "select source from outcomes where outcome = 'retryable'")
    assert {row["source"] for row in rows} == released
    assert n_released == len(released)


def test_a_place_that_was_listed_through_a_link_is_found_where_it_leads(
    layout: DataLayout,
) -> None:
    linked = Outcome(
        location="/music/jazz/a.mp3",
        genre="jazz",
        result=Result.QUARANTINED,
        stage=Stage.DOWNLOAD,
        reason=Reason.NOT_AUDIO,
        source_id="/disk/jazz/a.mp3",
    )
    in_catalog(layout, record_songs, [], [linked])

    assert in_catalog(layout, release_songs, "", "/disk/jazz") == 1


def test_a_track_that_extraction_left_out_is_pending_again(store: Store) -> None:
    song = store.track("silent")
    store.add_songs(song)
    store.reject(song, "key", reason=Reason.SILENT)

    in_catalog(store.layout, release_songs, "silent", "")

    assert [p.track.track_id for p in in_catalog(store.layout, select_pending, ["key"])] == [
        song.track_id
    ]


def test_a_representation_that_failed_is_pending_again_and_what_others_made_stays(
    store: Store,
) -> None:
    song, other = store.track("both"), store.track("short before")
    store.add_songs(song, other)
    store.extract("good", song, other)
    store.reject(song, "failed", reason=Reason.NOT_REPRESENTED)
    store.reject(other, "failed", reason=Reason.TOO_SHORT)
    in_catalog(store.layout, settle_outcomes, ["good", "failed"])

    n_released = in_catalog(store.layout, release_songs, "", "")

    pending = in_catalog(store.layout, select_pending, ["good", "failed"])
    assert n_released == 1
    assert [(p.track.track_id, p.feature_keys) for p in pending] == [(song.track_id, ("failed",))]

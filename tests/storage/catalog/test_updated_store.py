"""A published store that is brought up to date: it holds what one that is written anew holds."""

from dataclasses import replace

import pytest

from genre_core.records import Result
from storage.catalog import published as published_tables
from storage.catalog.publish import publish, publish_and_sweep
from storage.catalog.query import query
from storage.catalog.removals import RemovedSong, record_removal
from storage.catalog.songs import record_songs
from tests.storage.catalog.conftest import Store
from tests.storage.catalog.stores import fill, rows_of


@pytest.fixture
def compares_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tables are brought up to date row by row, as large ones are."""
    monkeypatch.setattr(published_tables, "FEWEST_ROWS", 0)


def test_a_store_that_is_brought_up_to_date_holds_what_one_written_anew_holds(
    store: Store, compares_rows: None
) -> None:
    publish(store.layout)
    fill(store)
    publish(store.layout)
    store.add_songs(replace(store.track("a"), title="corrected"), store.track("d"))
    store.extract("other", store.track("d"))
    store.rows("delete from predictions")
    signed = [f"https://music.example/a.mp3?token={n}" for n in range(3)]
    kept = [store.outcome(store.track("e"), Result.QUARANTINED)]
    store.call(record_songs, [], [replace(kept[0], location=place) for place in signed])

    publish(store.layout)
    updated = rows_of(store.layout)
    store.layout.published.unlink()
    publish(store.layout)

    assert updated == rows_of(store.layout)
    assert len(updated["outcomes"]) == len(updated["tracks"]) + 4


@pytest.mark.parametrize(
    ("columns", "before"),
    [("artist, album, title", "artist, album, title as name"), ("artist, album", "album, artist")],
)
def test_a_store_of_other_columns_is_written_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch, compares_rows: None, columns: str, before: str
) -> None:
    store.add_songs(store.track("a", artist="Ann"))
    made = published_tables.published_tables()
    with monkeypatch.context() as older:
        other = {**made, "tracks": made["tracks"].replace(columns, before)}
        older.setattr(published_tables, "published_tables", lambda: other)
        publish(store.layout)
    store.add_songs(store.track("b", artist="Bob"))

    publish(store.layout)

    names, rows = query(store.layout, "select * from tracks order by title")
    assert names[1:5] == ["genre", "artist", "album", "title"]
    assert [row[2:5] for row in rows] == [("Ann", "Notes", "a"), ("Bob", "Notes", "b")]


def test_rows_that_are_alike_are_counted_when_a_store_is_brought_up_to_date(
    store: Store, compares_rows: None
) -> None:
    signed = [f"https://music.example/{song}.mp3?token={n}" for song, n in ("e1", "e2", "f1")]
    kept = store.outcome(store.track("e"), Result.QUARANTINED)
    store.call(record_songs, [], [replace(kept, location=place) for place in signed])
    publish(store.layout)
    store.rows(
        f"update outcomes set source = replace(source, '/e.', '/f.') where source = '{signed[1]}'"
    )

    publish(store.layout)

    _, rows = query(store.layout, "select source, count(*) from outcomes group by all order by all")
    shown = "https://music.example/{}.mp3?token=***"
    assert rows == [(shown.format("e"), 1), (shown.format("f"), 2)]


def test_what_did_not_change_is_not_written_again(store: Store) -> None:
    fill(store)
    publish(store.layout)
    before = store.layout.published.stat()

    publish(store.layout)

    now = store.layout.published.stat()
    assert (now.st_ino, now.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_removed_song_leaves_no_trace_in_the_file(store: Store, compares_rows: None) -> None:
    a, b = store.track("a"), replace(store.track("b"), title="a title that nobody may read")
    store.add_songs(a, b)
    publish(store.layout)
    assert b"nobody may read" in store.layout.published.read_bytes()

    removed = RemovedSong(track_id=b.track_id, packets_id="", artist="", title="")
    store.call(record_removal, [removed], {}, "asked", "me")
    publish(store.layout)

    assert b"nobody may read" not in store.layout.published.read_bytes()
    assert query(store.layout, "select title from tracks")[1] == [("a",)]


@pytest.mark.parametrize("block", [1, 6, 11])
def test_extract_writes_a_damaged_store_anew(
    store: Store, block: int, compares_rows: None, caplog: pytest.LogCaptureFixture
) -> None:
    fill(store)
    publish(store.layout)
    expected = rows_of(store.layout)
    content = bytearray(store.layout.published.read_bytes())
    first = 3 * 4096 + block * 262_144  # three headers, then blocks that begin with a checksum
    content[first : first + 4096] = bytes(4096)
    store.layout.published.write_bytes(content)

    publish_and_sweep(store.layout)

    assert rows_of(store.layout) == expected
    assert "is written anew: Corrupt database file" in caplog.text

"""The store for people: its columns, and readers that nobody disturbs."""

from __future__ import annotations

import resource
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pytest

from genre_core.dataset.suspects import Neighbour, Suspect
from genre_core.errors import TransientError, UsageError
from genre_core.records import Reason, Result, Stage
from genre_core.representations.features import FeatureConfig
from storage.catalog import publish as publishing
from storage.catalog import published as published_tables
from storage.catalog.audits import record_suspects
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import record_extraction
from storage.catalog.promotions import Promotion, record_promotion
from storage.catalog.publish import publish, publish_and_sweep, query, query_rows
from storage.catalog.recordings import settle_recordings
from storage.catalog.removals import RemovedSong, record_removal
from storage.catalog.runs import Prediction, record_run
from storage.catalog.songs import record_songs

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.home import DataLayout
    from tests.storage.catalog.conftest import Store

    Start = Callable[..., subprocess.Popen[str]]

PROMISED = {
    "tracks": "track_id, genre, artist, album, title, licence, duration_s, sample_rate, channels, "
    "codec, added_at, duplicate_of, bit_rate, year, publisher, album_artist",
    "spectrograms": "track_id, genre, fragment, start_s, fragment_s, representation, n_bands, "
    "n_frames, values",
    "label_conflicts": "recording, track_id, source, genre, artist, title, stage",
    "shards": "shard, feature_key, representation, fragment_s, n_bands, n_frames, n_rows, n_bytes",
    "splits": "snapshot_id, track_id, genre, split, group_id, split_level",
    "outcomes": "source, track_id, genre, outcome, stage, reason, message, attempts, updated_at",
    "snapshots": "snapshot_id, feature_key, created_at, n_tracks, n_examples, seed",
    "runs": "run_id, network, representation, fragment_s, seed, snapshot_id, n_parameters, epochs, "
    "validation_macro_f1, test_macro_f1, test_accuracy, seconds, started_at, "
    "validation_macro_f1_low, validation_macro_f1_high, test_macro_f1_low, test_macro_f1_high, "
    "test_accuracy_low, test_accuracy_high",
    "predictions": "run_id, track_id, split, genre, predicted, probability, probabilities",
    "song_embeddings": "track_id, representation, feature_key, embedding, tag_logits",
    "suspects": "track_id, genre, confidence, predicted, predicted_confidence, artist, title, "
    "neighbours, found_at",
    "promotions": "version, run_id, snapshot_id, validation_macro_f1, reason, promoted_at",
}
TYPES = """
    select table_name, column_name, data_type from duckdb_columns()
    where not internal order by all
"""
READ_TWICE = """
import duckdb, sys
store = duckdb.connect(sys.argv[1], read_only=True)
count = lambda: store.execute("select count(*) from tracks").fetchone()[0]
before = count()
print("ready", flush=True)
sys.stdin.readline()
print(before, count(), flush=True)
"""
HOLD = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
"""


def fill(store: Store) -> None:
    """One row at least in every view."""
    tracks = store.three_songs()
    snapshot = store.freeze("key", *tracks)
    store.call(record_songs, [], [replace(store.copy_of(tracks[0]), genre="rock")])
    store.call(settle_recordings)
    prediction = Prediction(
        run_id="run",
        track_id=tracks[0].track_id,
        split="test",
        genre="jazz",
        predicted="rock",
        probability=0.75,
    )
    store.call(record_run, store.run("run", snapshot), [prediction])
    store.embed({track: (1.0, 0.0) for track in tracks})
    suspect = Suspect(
        track_id=tracks[1].track_id,
        genre="jazz",
        confidence=0.1,
        predicted="rock",
        predicted_confidence=0.75,
        neighbours=(Neighbour(track_id=tracks[2].track_id, cosine=0.5),),
    )
    store.call(record_suspects, "made", [suspect])
    store.call(
        record_promotion,
        Promotion(
            version=1,
            run_id="run",
            previous_version=None,
            previous_run_id=None,
            snapshot_id=snapshot.snapshot_id,
            validation_macro_f1=0.7,
            previous_validation_macro_f1=None,
            reason="first",
        ),
    )


def test_an_empty_and_a_filled_store_have_the_promised_columns_of_the_same_types(
    store: Store,
) -> None:
    publish(store.layout)
    types = query(store.layout, TYPES)
    empty = {v: query(store.layout, f"select {c} from {v}") for v, c in PROMISED.items()}
    fill(store)

    publish(store.layout)

    assert query(store.layout, TYPES) == types
    assert empty == {view: (columns.split(", "), []) for view, columns in PROMISED.items()}
    for view, columns in PROMISED.items():
        names, rows = query(store.layout, f"select {columns} from {view}")
        assert names == columns.split(", ")
        assert rows


def test_spectrograms_of_several_lengths_stand_beside_their_songs(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    for key, length_s in (("short", 1.0), ("long", 3.0)):
        shard = store.shard(key, song, config=FeatureConfig(fragment_s=length_s))
        store.call(record_extraction, [shard], [])

    publish(store.layout)

    _, rows = query(
        store.layout,
        "select title, feature_key, fragment, start_s, len(values), n_bands * n_frames "
        "from spectrograms join tracks using (track_id) order by n_frames, fragment",
    )
    assert rows == [
        ("a", "short", 0, 30.0, 108, 108),
        ("a", "short", 1, 40.0, 108, 108),
        ("a", "long", 0, 30.0, 348, 348),
        ("a", "long", 1, 40.0, 348, 348),
    ]


def test_no_credentials_and_no_tokens_are_published(store: Store) -> None:
    signed = "https://me:secret@music.example/a.mp3?id=3&X-Amz-Signature=secret"
    conflict = replace(
        store.outcome(store.track("a"), Result.QUARANTINED),
        location=signed,
        stage=Stage.SOURCES,
        reason=Reason.LABEL_CONFLICT,
        source_id="https://music.example/a.mp3?id=3&X-Amz-Signature=secret",
        track_id="",
    )
    store.call(record_songs, [], [conflict])

    publish(store.layout)

    shown = "https://music.example/a.mp3?id=3&X-Amz-Signature=***"
    (outcome,) = query_rows(store.layout, "select * from outcomes")
    (conflicting,) = query_rows(store.layout, "select * from label_conflicts")
    assert (outcome["source"], conflicting["source"], conflicting["recording"]) == (shown,) * 3
    assert "secret" not in f"{outcome}{conflicting}"


def test_a_home_with_a_quote_in_its_name_can_be_published(store: Store) -> None:
    quoted = replace(store, layout=replace(store.layout, home=store.layout.home / "it's mine"))
    fill(quoted)

    publish(quoted.layout)

    assert query(quoted.layout, "select count(*) from spectrograms")[1] == [(6,)]


def test_publishing_replaces_the_store_and_what_a_killed_process_left(layout: DataLayout) -> None:
    for name in (".spectrograms.duckdb.1.part", ".spectrograms.duckdb.1.part.wal"):
        (layout.home / name).write_bytes(b"half a file")

    publish(layout)
    publish(layout)

    assert query(layout, "select count(*) from tracks")[1] == [(0,)]
    names = sorted(path.name for path in layout.home.iterdir())
    assert names == ["catalog.duckdb", "spectrograms.duckdb"]


def test_a_reader_keeps_the_file_that_it_has_open_and_never_waits_for_the_writer(
    store: Store, in_another_process: Start
) -> None:
    store.add_songs(store.track("a"))
    publish(store.layout)
    with open_catalog(store.layout):
        reader = in_another_process(READ_TWICE, store.layout.published)
    store.add_songs(store.track("b"))

    publish(store.layout)
    counts, _ = reader.communicate("go on\n", timeout=10)

    assert counts == "1 1\n"
    assert query(store.layout, "select count(*) from tracks")[1] == [(2,)]


def test_a_catalog_that_another_process_takes_is_a_passing_trouble(
    layout: DataLayout, in_another_process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_catalog(layout):
        pass
    state = publishing._read_state(layout)
    in_another_process(HOLD, layout.catalog)
    monkeypatch.setattr(publishing, "_read_state", lambda _layout: state)  # it was free until here

    with pytest.raises(TransientError, match="is held by another process"):
        publish(layout)


def test_a_catalog_that_another_thread_has_open_is_a_passing_trouble(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    layout = store.layout
    publish(layout)
    store.add_songs(store.track("a"))
    before = layout.published.read_bytes()

    with open_catalog(layout), pytest.raises(TransientError, match="another thread"):
        publish(layout)

    assert layout.published.read_bytes() == before
    assert sorted(path.name for path in layout.home.glob(".spectro*")) == []
    assert "written anew" not in caplog.text


@pytest.mark.parametrize("room", [-4096, 0])
def test_a_disk_that_takes_no_more_of_a_store_is_not_taken_for_a_damaged_store(
    store: Store, caplog: pytest.LogCaptureFixture, room: int
) -> None:
    publish(store.layout)
    fill(store)
    before = store.layout.published.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + room, hard))
    try:
        with pytest.raises(TransientError, match="allows no file of that size"):
            publish(store.layout)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert store.layout.published.read_bytes() == before
    assert sorted(path.name for path in store.layout.home.glob(".spectro*")) == []
    assert "written anew" not in caplog.text


def test_a_shard_that_is_gone_is_left_out_and_the_others_are_published(store: Store) -> None:
    fill(store)
    store.extract("other", store.track("a"))
    next((store.layout.shards / "key").glob("*.parquet")).unlink()

    publish(store.layout)

    rows = query_rows(store.layout, "select distinct feature_key from spectrograms")
    assert rows == [{"feature_key": "other"}]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("delete from tracks", "read-only"),
        ("select * from songs", "The query failed: .*songs"),
        ("", "statement is empty"),
        ("select * from suspects", "published by another version"),
    ],
)
def test_a_query_that_fails_names_the_cause(
    layout: DataLayout, statement: str, message: str
) -> None:
    publish(layout)
    with duckdb.connect(str(layout.published)) as people:  # DuckDB alone opens the store
        assert people.execute("select sum(n_rows) from shards").fetchone() == (None,)
        people.execute("drop table suspects")  # as in a store of an older version

    with pytest.raises(UsageError, match=message):
        query(layout, statement)


@pytest.mark.parametrize("content", [b"", b"text", bytes(20_000), b"SQLite format 3\0" * 300])
def test_a_published_store_that_is_none_is_named_with_what_to_do(
    layout: DataLayout, content: bytes
) -> None:
    publish(layout)
    layout.published.write_bytes(content)

    for ask in (query, query_rows):
        with pytest.raises(UsageError, match=r"duckdb is damaged.*genreflow extract") as raised:
            ask(layout, "from tracks")
        assert "download" not in str(raised.value)


@pytest.mark.parametrize("content", [None, b"", b"text", bytes(9000)])
def test_a_shard_that_is_damaged_or_gone_is_named_with_what_to_do(
    store: Store, content: bytes | None
) -> None:
    store.freeze("key", *store.three_songs())
    publish(store.layout)
    (shard,) = store.layout.shards.rglob("*.parquet")
    shard.unlink()
    if content is not None:
        shard.write_bytes(content)

    with pytest.raises(UsageError, match=rf"A shard .*{shard.name}.*genreflow doctor --repair"):
        query(store.layout, "select avg(values[1]) from spectrograms")


def test_the_spectrograms_of_a_home_that_moved_can_be_read(store: Store) -> None:
    store.freeze("key", *store.three_songs())
    publish(store.layout)
    moved = replace(store.layout, home=store.layout.home.with_name("moved"))
    store.layout.home.rename(moved.home)

    assert query(moved, "select count(*) > 0 from spectrograms")[1] == [(True,)]


def test_before_the_first_publication_the_home_is_named(layout: DataLayout) -> None:
    with pytest.raises(UsageError, match=r"There is no store in .* yet"):
        query(layout, "select 1")


def rows_of(layout: DataLayout) -> dict[str, list[str]]:
    """All rows of all tables, sorted, as text."""
    names = query(layout, "select table_name from duckdb_tables() order by table_name")[1]
    return {n: sorted(map(str, query(layout, f"from {n}")[1])) for (n,) in names}


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

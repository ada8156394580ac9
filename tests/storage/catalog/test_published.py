"""The store for people: its columns, and readers that nobody disturbs."""

from __future__ import annotations

import resource
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pytest

from genre_core.errors import TransientError, UsageError
from genre_core.records import Reason, Result, Stage
from genre_core.representations.features import FeatureConfig
from storage.catalog import publish as publishing
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import record_extraction
from storage.catalog.publish import publish
from storage.catalog.query import query, query_rows
from storage.catalog.songs import record_songs
from tests.storage.catalog.stores import fill

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
    "song_map": "track_id, feature_key, x, y, is_landmark",
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

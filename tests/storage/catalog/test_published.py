"""The store for people: its columns, and readers that nobody disturbs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pytest

from genre_core.dataset.suspects import Neighbour, Suspect
from genre_core.errors import TransientError, UsageError
from genre_core.records import Reason, Result, Stage
from genre_core.representations.features import FeatureConfig
from storage.catalog import publish as published
from storage.catalog.audits import record_suspects
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import record_extraction
from storage.catalog.promotions import Promotion, record_promotion
from storage.catalog.publish import publish, query, query_rows
from storage.catalog.recordings import settle_recordings
from storage.catalog.runs import Prediction, record_run
from storage.catalog.songs import record_songs
from tests.catalogs import in_catalog

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.home import DataLayout
    from tests.storage.catalog.conftest import Store

    Start = Callable[..., subprocess.Popen[str]]

PROMISED = {
    "tracks": "track_id, genre, artist, album, title, licence, duration_s, sample_rate, channels, "
    "codec, added_at, duplicate_of, bit_rate, year, publisher",
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
READ = """
import duckdb, sys
with duckdb.connect(sys.argv[1], read_only=True) as store:
    print(store.execute(sys.argv[2]).fetchone()[0])
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
    in_catalog(store.layout, record_songs, [], [replace(store.copy_of(tracks[0]), genre="rock")])
    in_catalog(store.layout, settle_recordings)
    said = Prediction(
        run_id="run",
        track_id=tracks[0].track_id,
        split="test",
        genre="jazz",
        predicted="rock",
        probability=0.75,
    )
    in_catalog(store.layout, record_run, store.run("run", snapshot), [said])
    store.embed({track: (1.0, 0.0) for track in tracks})
    suspect = Suspect(
        track_id=tracks[1].track_id,
        genre="jazz",
        confidence=0.1,
        predicted="rock",
        predicted_confidence=0.75,
        neighbours=(Neighbour(track_id=tracks[2].track_id, cosine=0.5),),
    )
    in_catalog(store.layout, record_suspects, "made", [suspect])
    in_catalog(
        store.layout,
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


def test_an_empty_store_answers_with_the_promised_columns(layout: DataLayout) -> None:
    publish(layout)

    for view, columns in PROMISED.items():
        assert query(layout, f"select {columns} from {view}") == (columns.split(", "), [])


def test_a_filled_store_answers_with_the_promised_columns(store: Store) -> None:
    fill(store)

    publish(store.layout)

    for view, columns in PROMISED.items():
        names, rows = query(store.layout, f"select {columns} from {view}")
        assert names == columns.split(", ")
        assert rows


def test_columns_have_the_same_types_empty_and_filled(store: Store) -> None:
    publish(store.layout)
    empty = query(store.layout, TYPES)[1]
    fill(store)

    publish(store.layout)

    assert query(store.layout, TYPES)[1] == empty


def test_spectrograms_stand_beside_their_songs(store: Store) -> None:
    fill(store)

    publish(store.layout)

    rows = query_rows(
        store.layout,
        "select title, fragment, start_s, len(values) as n_values, n_bands * n_frames as size "
        "from spectrograms join tracks using (track_id) order by title, fragment limit 2",
    )
    shape = {"n_values": 108, "size": 108}
    assert rows == [
        {"title": "a", "fragment": 0, "start_s": 30.0, **shape},
        {"title": "a", "fragment": 1, "start_s": 40.0, **shape},
    ]


def test_spectrograms_of_several_lengths_stand_in_one_view(store: Store) -> None:
    song = store.track("a")
    store.add_songs(song)
    for key, length_s in (("short", 1.0), ("long", 3.0)):
        shard = store.shard(key, song, config=FeatureConfig(fragment_s=length_s))
        in_catalog(store.layout, record_extraction, [shard], [])

    publish(store.layout)

    rows = query_rows(
        store.layout,
        "select feature_key, len(values) as n from spectrograms group by all order by n",
    )
    assert rows == [{"feature_key": "short", "n": 108}, {"feature_key": "long", "n": 348}]


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
    in_catalog(store.layout, record_songs, [], [conflict])

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


def test_publishing_leaves_no_other_file(layout: DataLayout) -> None:
    publish(layout)
    publish(layout)

    assert sorted(path.name for path in layout.home.iterdir()) == [
        "catalog.duckdb",
        "spectrograms.duckdb",
    ]


def test_publishing_starts_anew_over_what_a_killed_process_left(layout: DataLayout) -> None:
    (layout.home / ".spectrograms.duckdb.new").write_bytes(b"half a file")

    publish(layout)

    assert query(layout, "select count(*) from tracks")[1] == [(0,)]


def test_a_reader_keeps_the_file_that_it_has_open(store: Store, in_another_process: Start) -> None:
    store.add_songs(store.track("a"))
    publish(store.layout)
    reader = in_another_process(READ_TWICE, store.layout.published)
    store.add_songs(store.track("b"))

    publish(store.layout)
    said, _ = reader.communicate("go on\n", timeout=10)

    assert said == "1 1\n"
    assert query(store.layout, "select count(*) from tracks")[1] == [(2,)]


def test_another_process_reads_while_the_writer_has_the_catalog_open(store: Store) -> None:
    store.add_songs(store.track("a"))
    publish(store.layout)

    with open_catalog(store.layout):
        command = [sys.executable, "-c", READ, store.layout.published]
        reader = subprocess.run(
            [*command, "select count(*) from tracks"], capture_output=True, text=True, check=True
        )

    assert reader.stdout == "1\n"


def test_a_catalog_that_another_process_takes_is_a_passing_trouble(
    layout: DataLayout, in_another_process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_catalog(layout):
        pass
    in_another_process(HOLD, layout.catalog)
    monkeypatch.setattr(published, "all_shards", lambda _layout: [])  # it was free until here

    with pytest.raises(TransientError, match="is held by another process"):
        publish(layout)


def test_a_shard_that_is_gone_is_left_out_and_the_others_are_published(store: Store) -> None:
    fill(store)
    store.extract("other", store.track("a"))
    next((store.layout.shards / "key").glob("*.parquet")).unlink()

    publish(store.layout)

    rows = query_rows(store.layout, "select distinct feature_key from spectrograms")
    assert rows == [{"feature_key": "other"}]


def test_nobody_can_write_to_the_store_by_asking(layout: DataLayout) -> None:
    publish(layout)

    with pytest.raises(UsageError, match="read-only"):
        query(layout, "delete from tracks")


def test_a_question_that_makes_no_sense_is_answered_with_a_sentence(layout: DataLayout) -> None:
    publish(layout)

    with pytest.raises(UsageError, match=r"The query failed: .*songs"):
        query(layout, "select * from songs")


def test_before_anything_is_published_the_place_is_named(layout: DataLayout) -> None:
    with pytest.raises(UsageError, match=r"There is no store in .* yet"):
        query(layout, "select 1")


def test_the_store_opens_with_duckdb_alone(store: Store) -> None:
    fill(store)
    path = publish(store.layout)

    with duckdb.connect(str(path), read_only=True) as people:
        assert people.execute("select sum(n_rows) from shards").fetchone() == (6,)

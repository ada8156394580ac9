"""Ingest and extract: what a chunk that dies leaves to the next run."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from flows.line import LineConfig
from storage.catalog.published import query_rows

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def song(library: Path) -> Path:
    return library / "clicks" / "song 1.flac"


@pytest.fixture
def track_id(song: Path) -> str:
    return hashlib.sha256(song.read_bytes()).hexdigest()


def outcomes(config: LineConfig) -> dict[str, tuple[str, str]]:
    rows = query_rows(config.layout, "select * from outcomes")
    return {row["source"]: (row["outcome"], row["reason"]) for row in rows}


def test_the_songs_of_a_chunk_that_dies_are_tried_again_by_the_next_run(
    config: LineConfig, song: Path, track_id: str
) -> None:
    from flows.ingest import ingest

    in_the_way = config.layout.songs / track_id[:2]
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where a folder must be")

    first = ingest(config)
    died = outcomes(config)
    in_the_way.unlink()
    second = ingest(config)

    interrupted = [source for source, found in died.items() if found[1] == "interrupted"]
    assert len(died) == 23
    assert str(song) in interrupted
    assert first.outcomes["retryable"] == len(interrupted) == 3  # 23 songs in chunks of three
    assert second.n_new == 3 + 1
    assert second.outcomes == {"ok": 20, "duplicate": 1, "quarantined": 2, "retryable": 0}


def test_the_tracks_of_a_chunk_that_dies_are_extracted_by_the_next_run(
    config: LineConfig, track_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    from flows.extract import extract
    from flows.ingest import ingest

    ingest(config)
    in_the_way = config.layout.wav / f"{track_id}.wav"
    in_the_way.mkdir(parents=True)

    first = extract(config)
    extracted = query_rows(config.layout, "select distinct track_id from spectrograms")
    second = extract(config)

    assert "a chunk was left out" in caplog.text
    assert first.n_tracks == 20
    assert 0 < len(extracted) < 18
    assert track_id not in {row["track_id"] for row in extracted}
    assert second.n_examples == 18 * 3 * 2
    assert second.outcomes == {"ok": 18, "duplicate": 1, "quarantined": 4, "retryable": 0}


def test_a_second_extraction_has_nothing_to_do(config: LineConfig) -> None:
    from flows.extract import extract
    from flows.ingest import ingest

    ingest(config)
    first = extract(config)
    shards = sorted(config.layout.shards.rglob("*"))

    second = extract(config)

    assert (first.n_tracks, second.n_tracks) == (20, 0)
    assert second.n_examples == first.n_examples
    assert sorted(config.layout.shards.rglob("*")) == shards
    assert not config.layout.wav.exists()


def test_only_the_genres_of_the_settings_are_ingested(config: LineConfig) -> None:
    from dataclasses import replace

    from flows.ingest import ingest

    ingest(replace(config, genres=("hums", "clicks")))

    rows = query_rows(config.layout, "select genre, reason from outcomes where genre = 'hiss'")
    assert Counter(row["reason"] for row in rows) == {"label_unknown": 8}

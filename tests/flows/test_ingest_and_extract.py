"""Ingest and extract: what fails is left to the next run."""

import hashlib
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from flows.settings import Settings
from storage.catalog.query import query_rows
from tests.conftest import hiss, write_song

pytestmark = [pytest.mark.flow, pytest.mark.usefixtures("prefect_server"), pytest.mark.both]


@pytest.fixture
def song(library: Path) -> Path:
    return library / "clicks" / "song 1.flac"


@pytest.fixture
def track_id(song: Path) -> str:
    return hashlib.sha256(song.read_bytes()).hexdigest()


def outcomes(config: Settings) -> dict[str, tuple[str, str]]:
    rows = query_rows(config.layout, "select * from outcomes")
    return {row["source"]: (row["outcome"], row["reason"]) for row in rows}


def test_a_song_that_the_program_fails_on_is_tried_again_by_the_next_run(
    config: Settings, song: Path, track_id: str
) -> None:
    from flows.ingest import ingest

    in_the_way = config.layout.songs / track_id[:2]
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("a file where a folder must be")

    first = ingest(config)
    failed = outcomes(config)
    in_the_way.unlink()
    second = ingest(config)

    assert len(failed) == 23
    assert failed[str(song)] == ("retryable", "interrupted")
    assert first.outcomes == {"ok": 18, "duplicate": 1, "quarantined": 3, "retryable": 1}
    assert second.n_new == 1
    assert second.outcomes == {"ok": 19, "duplicate": 1, "quarantined": 3, "retryable": 0}


def test_a_track_that_the_program_fails_on_is_extracted_by_the_next_run(
    config: Settings, song: Path, track_id: str
) -> None:
    from flows.extract import extract
    from flows.ingest import ingest

    ingest(config)
    in_the_way = config.layout.wav / track_id[:2]
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_bytes(b"")

    first = extract(config)
    failed = outcomes(config)
    in_the_way.unlink()
    second = extract(config)

    assert failed[str(song)] == ("retryable", "interrupted")
    assert first.n_examples == 17 * 3 * 2
    assert first.outcomes == {"ok": 17, "duplicate": 1, "quarantined": 4, "retryable": 1}
    assert second.n_tracks == 1
    assert second.n_examples == 18 * 3 * 2
    assert second.outcomes == {"ok": 18, "duplicate": 1, "quarantined": 4, "retryable": 0}


def test_songs_in_folders_and_under_names_that_are_not_utf8_are_read(
    config: Settings, tmp_path: Path
) -> None:
    from flows.ingest import ingest
    from storage.catalog.connection import open_catalog
    from storage.catalog.removals import find_song

    song = write_song(tmp_path / "m" / "hiss" / "a.wav", hiss, seed=1)
    song = song.rename(song.with_name("\udcff.wav"))
    music = (tmp_path / "m").rename(tmp_path / "m\udcfc")
    ingest(replace(config, music=str(music)))

    location = f"{tmp_path}/m\\udcfc/hiss/\\udcff.wav"
    assert outcomes(config) == {location: ("ok", "")}
    with open_catalog(config.layout) as catalog:
        (found,) = find_song(catalog, str(music / "hiss" / song.name))
        assert find_song(catalog, location) == [found]


def test_only_the_genres_of_the_settings_are_ingested(config: Settings) -> None:
    from flows.ingest import ingest

    ingest(replace(config, genres=("hums", "clicks")))

    rows = query_rows(config.layout, "select genre, reason from outcomes where genre = 'hiss'")
    assert Counter(row["reason"] for row in rows) == {"label_unknown": 8}


def test_an_ingest_that_names_no_music_lists_again_what_the_home_was_fed_from(
    config: Settings, library: Path, tmp_path: Path
) -> None:
    from flows.ingest import ingest

    songs = [library / "hums" / f"song {number}.wav" for number in (0, 3)]
    own, bare = tmp_path / "own" / "hums", tmp_path / "bare"
    for folder in (own, bare):
        folder.mkdir(parents=True)
    shutil.copy(songs[0], own)
    write_song(bare / "a.wav", hiss, seed=11)
    ingest(replace(config, music=str(own.parent)))
    ingest(replace(config, music=str(bare), unlabelled=True))
    shutil.copy(songs[1], own)
    write_song(bare / "b.wav", hiss, seed=12)

    again = ingest(replace(config, music=""))
    shutil.rmtree(bare)
    without = ingest(replace(config, music=""))

    rows = query_rows(config.layout, "select genre from outcomes where outcome = 'ok'")
    assert (again.n_new, without.n_new) == (2, 0)
    assert Counter(row["genre"] for row in rows) == {"hums": 2, "": 2}


def test_songs_that_were_left_out_are_tried_again_when_somebody_asks(
    finished_copy: Settings, library: Path
) -> None:
    from flows.maintenance import retry

    report = retry(replace(finished_copy, music=""), reason="silent")

    tried = query_rows(
        finished_copy.layout, "select source, outcome from outcomes where attempts > 1"
    )
    assert report.n_released == 1
    assert tried == [{"source": str(library / "hiss" / "silent.wav"), "outcome": "quarantined"}]
    assert report.outcomes == {"ok": 18, "duplicate": 1, "quarantined": 4, "retryable": 0}


def test_a_file_that_was_mended_takes_the_place_of_what_it_was(
    config: Settings, library: Path, tmp_path: Path
) -> None:
    from flows.extract import extract
    from flows.ingest import ingest

    own = shutil.copytree(library, tmp_path / "own")
    config = replace(config, music=str(own))
    ingest(config)
    extract(config)

    write_song(own / "hiss" / "short.wav", hiss, seed=1)
    ingest(config)
    report = extract(replace(config, fragments=replace(config.fragments, min_track_s=1.0)))

    assert report.n_tracks == 20  # under new settings; the file as it was before is not among them
    assert report.outcomes == {"ok": 19, "duplicate": 1, "quarantined": 3, "retryable": 0}

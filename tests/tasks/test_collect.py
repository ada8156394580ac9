"""Ingest: every source of a library has one outcome, whatever happens to it."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from genre_core.records import Source
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.removals import find_song
from storage.fetch.limits import DownloadLimits
from storage.home import DataLayout
from storage.maintenance.takedown import take_down
from storage.sources.listing import list_sources
from tasks.download import Fetched, download_chunk
from tasks.duplicates import record_wave
from tests.catalogs import in_catalog
from tests.tasks.steps import collect

pytestmark = pytest.mark.usefixtures("quiet_runs")


@pytest.fixture
def sources(library: Path) -> list[Source]:
    return list_sources(library)


def fetch(layout: DataLayout, sources: Sequence[Source], genres: Sequence[str] = ()) -> Fetched:
    return download_chunk.fn(layout, sources, DownloadLimits(), genres)


def test_every_source_of_a_library_has_exactly_one_outcome(
    layout: DataLayout, library: Path, sources: list[Source]
) -> None:
    recorded = collect(layout, sources)

    counts = Counter(outcome.location for outcome in recorded.outcomes)
    assert counts == dict.fromkeys((source.location for source in sources), 1)
    assert Counter(outcome.result for outcome in recorded.outcomes) == {
        "ok": 20,
        "duplicate": 1,
        "quarantined": 2,
    }
    found = {Path(outcome.location).name: outcome for outcome in recorded.outcomes}
    copy, broken = found["the same again.wav"], found["broken.mp3"]
    assert (copy.stage, copy.reason) == ("duplicates", "duplicate_content")
    assert copy.message == f"the same sound as {library / 'hums' / 'song 0.wav'} (hums)"
    assert copy.track_id in {track.track_id for track in recorded.tracks}
    assert found["gone.wav"].reason == "not_found"
    assert (broken.reason, broken.location in broken.message) == ("not_audio", True)


def write_retagged(song: Path, target: Path) -> Source:
    """Write a copy of an mp3 with a tag of version 1 at its end."""
    target.write_bytes(song.read_bytes() + b"TAG" + b"Other title".ljust(125, b"\0"))
    return Source(location=str(target), genre="hums")


def stored(layout: DataLayout) -> set[str]:
    return {path.stem for path in layout.songs.glob("??/*")}


@pytest.mark.parametrize("n_waves", [1, 2])
def test_a_song_that_was_tagged_anew_is_a_copy(
    layout: DataLayout, library: Path, tmp_path: Path, n_waves: int
) -> None:
    song = Source(location=str(library / "hums" / "song 2.mp3"), genre="hums")
    retagged = write_retagged(Path(song.location), tmp_path / "zz retagged.mp3")
    location_order = sorted([song, retagged], key=lambda source: source.location)

    waves = [location_order] if n_waves == 1 else [location_order[:1], location_order[1:]]
    recorded = [collect(layout, wave) for wave in waves]

    tracks = [track for wave in recorded for track in wave.tracks]
    outcomes = [outcome for wave in recorded for outcome in wave.outcomes]
    assert [track.location for track in tracks] == [location_order[0].location]
    assert [(str(o.result), str(o.reason)) for o in outcomes] == [
        ("ok", ""),
        ("duplicate", "duplicate_content"),
    ]
    assert {outcome.track_id for outcome in outcomes} == {tracks[0].track_id}
    assert stored(layout) == {tracks[0].track_id}


def test_a_song_that_was_tagged_anew_and_moved_stays_the_same_track(
    layout: DataLayout, library: Path, tmp_path: Path
) -> None:
    old = Path(shutil.copy(library / "hums" / "song 2.mp3", tmp_path / "old.mp3"))
    (before,) = collect(layout, [Source(location=str(old), genre="hums")]).tracks
    moved = write_retagged(old, tmp_path / "new.mp3")
    old.unlink()

    (after,) = collect(layout, [moved]).tracks

    with open_catalog(layout) as catalog:
        tracks = fetch_rows(catalog, "select track_id, location from tracks")
    assert after.track_id == before.track_id
    assert tracks == [{"track_id": before.track_id, "location": moved.location}]
    assert stored(layout) == {before.track_id}


def test_a_song_that_was_tagged_anew_is_kept_if_the_first_file_is_gone(
    layout: DataLayout, library: Path, tmp_path: Path
) -> None:
    song = Source(location=str(library / "hums" / "song 2.mp3"), genre="hums")
    (first,) = collect(layout, [song]).tracks
    layout.song(first.track_id, first.suffix).unlink()
    retagged = write_retagged(Path(song.location), tmp_path / "new.mp3")

    (kept,) = collect(layout, [retagged]).tracks

    assert kept.track_id != first.track_id
    assert stored(layout) == {kept.track_id}


def test_a_removed_song_stays_away_under_other_tags(
    layout: DataLayout, library: Path, tmp_path: Path
) -> None:
    song = Source(location=str(library / "hums" / "song 2.mp3"), genre="hums")
    collect(layout, [song])
    take_down(layout, in_catalog(layout, find_song, song.location), "", "nobody")
    retagged = write_retagged(Path(song.location), tmp_path / "new.mp3")

    recorded = collect(layout, [retagged])

    assert recorded.tracks == ()
    assert [(str(o.result), str(o.reason)) for o in recorded.outcomes] == [
        ("quarantined", "removed"),
    ]
    assert stored(layout) == set()


def test_the_songs_of_a_chunk_that_died_are_to_be_tried_again(
    layout: DataLayout, sources: list[Source]
) -> None:
    lived, died = sources[:5], sources[5:8]

    recorded = record_wave.fn(layout, [*lived, *died], [fetch(layout, lived)])

    outcomes = {outcome.location: outcome for outcome in recorded.outcomes}
    assert outcomes.keys() == {source.location for source in [*lived, *died]}
    assert {str(outcomes[s.location].result) for s in died} == {"retryable"}
    assert {str(outcomes[s.location].reason) for s in died} == {"interrupted"}


def test_a_song_that_moved_to_another_genre_takes_it(
    layout: DataLayout, library: Path, tmp_path: Path
) -> None:
    song = shutil.copy(library / "hums" / "song 0.wav", tmp_path / "old.wav")
    before = Source(location=str(song), genre="hums")
    collect(layout, [before])
    moved = Source(location=str(song.rename(tmp_path / "new.wav")), genre="hiss")

    collect(layout, [moved])

    with open_catalog(layout) as catalog:
        tracks = fetch_rows(catalog, "select location, genre from tracks")
        outcomes = fetch_rows(catalog, "select source, outcome from outcomes order by source")
    assert tracks == [{"location": moved.location, "genre": "hiss"}]
    assert outcomes == [
        {"source": moved.location, "outcome": "ok"},
        {"source": before.location, "outcome": "duplicate"},
    ]


def test_one_address_that_nothing_can_parse_leaves_the_other_songs_be(
    layout: DataLayout, library: Path
) -> None:
    odd = Source(location=f"http://{'x' * 70}.example/song.mp3", genre="hums")
    fine = Source(location=str(library / "hums" / "song 0.wav"), genre="hums")

    fetched = fetch(layout, [odd, fine])

    assert [track.location for track in fetched.tracks] == [fine.location]
    assert [outcome.location for outcome in fetched.outcomes] == [odd.location]

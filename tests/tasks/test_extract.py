"""Extract: fragments and matrices of stored songs, and which songs give none."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from flows.settings import Settings
from genre_core.examples import Float32Array
from genre_core.records import Source
from genre_core.representations.features import feature_key
from storage.catalog.extraction import read_stale_features, shard_names
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.catalog.status import count_own_outcomes, read_status
from storage.home import DataLayout
from storage.sources.listing import list_sources
from tasks.extract import describe_stale, record_shards, select_tracks, settle_short
from tasks.spectrograms import convert_chunk, extract_chunk, key_features
from tests.catalogs import in_catalog
from tests.conftest import hum, write_song
from tests.tasks.steps import collect, extract, outcomes

Store = Callable[[Sequence[Source]], None]
SONGS = ("hums/song 0.wav", "clicks/song 1.flac", "hiss/song 2.mp3")


@pytest.fixture
def three_songs(library: Path) -> list[Source]:
    return [source for source in list_sources(library) if source.location.endswith(SONGS)]


def extracted(config: Settings, columns: str) -> list[dict[str, object]]:
    publish(config.layout)
    order = "order by track_id, fragment, fragment_s"
    return query_rows(config.layout, f"select {columns} from spectrograms {order}")


def matrices(config: Settings, fragment_s: float) -> Float32Array:
    rows = [row for row in extracted(config, "*") if row["fragment_s"] == fragment_s]
    shape = (len(rows), rows[0]["n_bands"], rows[0]["n_frames"])
    return np.array([row["values"] for row in rows], np.float32).reshape(shape)


def test_songs_give_fragments_at_shared_starts_of_which_shorter_ones_are_the_beginning(
    config: Settings, store_songs: Store, three_songs: list[Source]
) -> None:
    store_songs(three_songs)

    rows = extracted(config, "start_s, fragment_s, n_bands, n_frames")
    shapes = {(row["fragment_s"], row["n_bands"], row["n_frames"]) for row in rows}
    assert (len(rows), shapes) == (3 * 3 * 2, {(1.0, 12, 9), (1.5, 12, 14)})
    starts_s = [[r["start_s"] for r in rows if r["fragment_s"] == s] for s in (1.0, 1.5)]
    assert starts_s[0] == starts_s[1]
    assert min(starts_s[0]) >= 0.5
    assert max(starts_s[0]) + 1.5 <= 5.0 - 0.5 + 0.05  # an mp3 is a packet longer
    short, long = matrices(config, 1.0), matrices(config, 1.5)
    start = long[:, :, : short.shape[2]].astype(np.float64)
    least = start.min(axis=(1, 2), keepdims=True)
    spread = start.max(axis=(1, 2), keepdims=True) - least
    np.testing.assert_allclose((start - least) / spread, short, atol=2e-6)


def test_a_silent_song_is_quarantined_and_the_others_are_extracted(
    config: Settings, store_songs: Store, library: Path, three_songs: list[Source]
) -> None:
    silent = Source(location=str(library / "hiss" / "silent.wav"), genre="hiss")

    store_songs([*three_songs, silent])

    assert len(extracted(config, "track_id")) == 18
    left_out = query_rows(config.layout, "select * from outcomes where outcome <> 'ok'")
    assert [(o["source"], o["stage"], o["reason"]) for o in left_out] == [
        (silent.location, "extract", "silent")
    ]
    assert select_tracks.fn(config.layout, config.features) == []


def test_a_song_that_is_too_short_names_the_settings(
    config: Settings, store_songs: Store, library: Path
) -> None:
    short = Source(location=str(library / "hiss" / "short.wav"), genre="hiss")

    store_songs([short])

    publish(config.layout)
    outcome = query_rows(config.layout, "select * from outcomes")[0]
    assert (outcome["outcome"], outcome["reason"]) == ("quarantined", "too_short")
    assert "2.0 s" in outcome["message"]
    assert "min_track_s (now 4)" in outcome["message"]
    assert "margin_s (now 0.5)" in outcome["message"]
    assert "n_fragments is 3" in outcome["message"]


def test_a_song_that_is_too_short_is_known_to_be_before_anything_is_decoded(
    config: Settings, three_songs: list[Source], library: Path, quiet_runs: None
) -> None:
    layout, short = config.layout, str(library / "hiss" / "short.wav")
    collect(layout, [Source(location=short, genre="hiss"), *three_songs])
    longer = replace(config, fragments=replace(config.fragments, min_track_s=60.0))

    counts = settle_short.fn(layout, config.spectrogram_features)
    at_ingest = outcomes(layout)
    extract(config)

    assert counts["quarantined"] == 1
    assert at_ingest["short.wav"] == ("hiss", "quarantined", "too_short")
    assert outcomes(layout) == at_ingest
    assert settle_short.fn(layout, longer.spectrogram_features)["quarantined"] == 4


def test_a_length_that_is_asked_for_once_makes_no_song_too_short(
    config: Settings, store_songs: Store, three_songs: list[Source], quiet_runs: None
) -> None:
    store_songs(three_songs)
    before = outcomes(config.layout)
    long = replace(config, fragment_lengths_s=(99.0,))

    extract(long, decides_short=False)
    asked_for_once = outcomes(config.layout)
    extract(long)

    assert {outcome for _, outcome, _ in before.values()} == {"ok"}
    assert asked_for_once == before
    assert {reason for _, _, reason in outcomes(config.layout).values()} == {"too_short"}
    extract(config, decides_short=False)
    assert {reason for _, _, reason in outcomes(config.layout).values()} == {"too_short"}


def test_another_representation_needs_no_decoding(
    config: Settings, store_songs: Store, three_songs: list[Source], quiet_runs: None
) -> None:
    store_songs(three_songs)
    for song in config.layout.songs.glob("??/*"):
        song.write_bytes(b"no sound any more")

    other = replace(config, representations=("logmel",))
    pending = select_tracks.fn(config.layout, other.features)
    converted = convert_chunk.fn(config.layout, pending, other.features)
    extracted = extract_chunk.fn(config.layout, converted, other.features)

    assert not converted.rejections
    assert sum(len(shard.n_fragments) for shard in extracted.shards) == 3 * len(other.features)


def test_a_cache_of_no_size_is_empty_after_each_wave(
    config: Settings, three_songs: list[Source], quiet_runs: None, store_songs: Store
) -> None:
    store_songs(three_songs)

    record_shards.fn(config.layout, [], 0)

    assert [path for path in config.layout.wav.rglob("*") if path.is_file()] == []


def test_a_new_length_is_extracted_alone(
    config: Settings, store_songs: Store, three_songs: list[Source], quiet_runs: None
) -> None:
    store_songs(three_songs)
    more = replace(config, fragment_lengths_s=(0.5, 1.0, 1.5))

    pending = select_tracks.fn(config.layout, more.features)

    shortest = next(iter(key_features(more.features)))
    assert [song.feature_keys for song in pending] == [(shortest,)] * 3
    assert in_catalog(config.layout, shard_names, shortest) == []


def test_stale_spectrograms_are_named_once_by_what_changed(
    config: Settings, store_songs: Store, three_songs: list[Source], quiet_runs: None
) -> None:
    store_songs(three_songs)
    longer = replace(config, fragment_lengths_s=(1.0, 2.0))
    keys = key_features(longer.features)
    other_keys = {feature_key(one, "another decoder"): one for one in config.features}

    (other_decoder,) = describe_stale(in_catalog(config.layout, read_stale_features, other_keys))
    stale = in_catalog(config.layout, read_stale_features, keys)
    select_tracks.fn(config.layout, longer.features)

    assert "of thesis at 1 s, thesis at 1.5 s are made again" in other_decoder
    assert "this changed: the decoder, or the code of the representation." in other_decoder
    (other_length,) = describe_stale(stale)
    assert "longest_s 1.5 → 2.0" in other_length
    assert in_catalog(config.layout, read_stale_features, keys) == []


def test_a_song_whose_original_is_gone_is_retryable_and_the_others_are_extracted(
    config: Settings, layout: DataLayout, store_songs: Store, three_songs: list[Source]
) -> None:
    lost = collect(layout, three_songs).tracks[0]
    layout.song(lost.track_id, lost.suffix).unlink()

    store_songs([])

    found = [outcome for _, *outcome in outcomes(layout).values()]
    assert sorted(found) == [["ok", ""], ["ok", ""], ["retryable", "not_found"]]
    assert outcomes(layout)[Path(lost.location).name][1] == "retryable"


def test_a_clipped_song_is_ok_with_a_warning_and_keeps_its_examples(
    config: Settings, layout: DataLayout, store_songs: Store, tmp_path: Path
) -> None:
    loud = write_song(tmp_path / "loud.wav", lambda rng, time_s: 3 * hum(rng, time_s), seed=5)

    store_songs([Source(location=str(loud), genre="hums")])

    publish(layout)
    outcome = query_rows(layout, "select * from outcomes")[0]
    assert (outcome["outcome"], outcome["reason"]) == ("ok", "clipped")
    assert "are at full scale, above 1%" in outcome["message"]
    assert len(extracted(config, "track_id")) == 3 * 2
    assert read_status(layout)["reasons"] == {}
    assert count_own_outcomes(layout) == {"ok (clipped)": 1}


def test_a_song_with_samples_that_are_no_numbers_says_so(
    layout: DataLayout, store_songs: Store, tmp_path: Path
) -> None:
    samples = np.zeros(5 * 44_100, np.float32)
    samples[::1000] = np.nan
    soundfile.write(tmp_path / "odd.wav", samples, 44_100, subtype="FLOAT")

    store_songs([Source(location=str(tmp_path / "odd.wav"), genre="hums")])

    publish(layout)
    outcome = query_rows(layout, "select * from outcomes")[0]
    assert (outcome["outcome"], outcome["stage"]) == ("quarantined", "convert")
    assert (outcome["reason"], "no numbers" in outcome["message"]) == ("nan", True)

"""What each step of extract takes of a song's time, and the gain of those with a slower way."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

import ducc0
import numpy as np
import scipy.fft

from benchmarks.bars import Bar
from benchmarks.paths import FEATURES, FRAGMENT_SAMPLES
from genre_core.records import Track
from genre_core.representations.features import feature_key, matrices_of
from genre_core.representations.spectrum import FRAME_SAMPLES, HOP_SAMPLES, cut_frames
from genre_core.signal.fragments import SAMPLE_RATE, draw_starts, track_rng
from genre_core.signal.sound import measure_sound
from storage.audio.decode import DECODER_VERSION, cut_song
from storage.audio.excerpt import excerpt_segments
from storage.audio.resample import needed_segment
from storage.audio.seek import can_seek, seek_segments
from storage.audio.wav import read_wav, write_wav
from storage.catalog.extraction import record_extraction, record_features
from storage.home import DataLayout
from storage.shards import TrackMatrices, write_shard
from tests.catalogs import in_catalog

P = ParamSpec("P")
R = TypeVar("R")


class Watch:
    """Adds up the seconds of each step, by a clock."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._clock = clock

    def time(self, step: str, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function and add what it takes to a step."""
        begin = self._clock()
        try:
            return call(*args, **kwargs)
        finally:
            self.seconds[step] += self._clock() - begin


def measure_shares(songs: Sequence[tuple[Path, Track]], home: Path) -> list[Bar]:
    """Do the steps of a chunk one by one, and give the share of each."""
    layout, watch = DataLayout(home), Watch()
    key = feature_key(FEATURES, DECODER_VERSION)
    in_catalog(layout, record_features, {key: FEATURES})
    rows = [_one_song(watch, layout, song, track) for song, track in songs]
    shard = watch.time("write the shard", write_shard, layout, key, FEATURES, rows)
    watch.time("commit to the catalog", in_catalog, layout, record_extraction, [shard], [])
    whole_s = sum(watch.seconds.values())
    return [
        Bar(
            name=f"share: {step}",
            measured=100 * seconds / whole_s,
            bar=0,
            unit="%",
            at_least=True,
            note=f"{seconds / len(songs) * 1000:.2f} ms a song",
        )
        for step, seconds in watch.seconds.items()
    ]


def measure_gains(songs: Sequence[tuple[Path, Track]]) -> list[Bar]:
    """Time decoding and transforming against the ways that they replace, in turns on each song."""
    watch = Watch(time.thread_time)
    for path, track in songs:
        starts_s = draw_starts(track.duration_s, FEATURES.fragments, track_rng(track.track_id))
        segments = [
            needed_segment(round(s * SAMPLE_RATE), FRAGMENT_SAMPLES, track.facts.sample_rate)
            for s in starts_s
        ]
        watch.time("seek", can_seek, path, track.facts)
        watch.time("seek", seek_segments, path, track.facts, segments)
        decoded = watch.time("excerpt", excerpt_segments, path, track.facts, segments)
        if decoded is None:
            raise SystemExit(f"{path} cannot be decoded from an excerpt; name other music.")
        frames = cut_frames(np.stack([one.signal for one in decoded]), FRAME_SAMPLES, HOP_SAMPLES)
        for fragment in frames:
            watch.time("scipy", scipy.fft.rfft, fragment, axis=-1)
            watch.time("ducc0", ducc0.fft.r2c, fragment, axes=(1,))
    spent = watch.seconds
    return [
        Bar(
            name="decoding from an excerpt against seeks, CPU",
            measured=spent["seek"] / spent["excerpt"],
            bar=1.1,
            unit="×",
            at_least=True,
            note=f"{1000 * spent['excerpt'] / len(songs):.1f} ms a song, the same samples",
        ),
        Bar(
            name="the transform of ducc0 against SciPy's, CPU",
            measured=spent["scipy"] / spent["ducc0"],
            bar=1.5,
            unit="×",
            at_least=True,
            note=f"{1000 * spent['ducc0'] / len(songs):.1f} ms a song",
        ),
    ]


def _one_song(watch: Watch, layout: DataLayout, song: Path, track: Track) -> TrackMatrices:
    wav = layout.wav / f"{track.track_id}.wav"
    cut = watch.time(
        "seek and decode", cut_song, song, track.track_id, track.facts, FEATURES.fragments
    )
    watch.time("write the WAV", write_wav, wav, cut.fragments)
    sound = watch.time("read the WAV", read_wav, wav, len(cut.starts_s))
    matrices = watch.time("transform and pool", matrices_of, sound, FEATURES)
    watch.time("loudness and cut-off", measure_sound, track.track_id, sound)
    wav.unlink()
    return TrackMatrices(
        track_id=track.track_id, genre=track.genre, starts_s=cut.starts_s, matrices=matrices
    )

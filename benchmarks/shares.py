"""What each step of extract takes of a song's time, one song after the other."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec, TypeVar

from benchmarks.bars import Bar
from benchmarks.paths import FEATURES
from genre_core.records import Track
from genre_core.representations.features import feature_key, matrices_of
from genre_core.signal.sound import measure_sound
from storage.audio.decode import DECODER_VERSION, cut_song
from storage.audio.wav import read_wav, write_wav
from storage.catalog.extraction import record_extraction, record_features
from storage.home import DataLayout
from storage.shards import TrackMatrices, write_shard
from tests.catalogs import in_catalog

P = ParamSpec("P")
R = TypeVar("R")


class Watch:
    """Adds up the seconds of each step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def time(self, step: str, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function and add what it takes to a step."""
        begin = time.perf_counter()
        try:
            return call(*args, **kwargs)
        finally:
            self.seconds[step] += time.perf_counter() - begin


def measure_shares(songs: Sequence[tuple[Path, Track]], home: Path) -> list[Bar]:
    """Do the steps of a chunk one by one, and give the share of each."""
    layout, watch = DataLayout(home), Watch()
    key = feature_key(FEATURES, DECODER_VERSION)
    in_catalog(layout, record_features, {key: FEATURES})
    rows = [_one_song(watch, layout, song, track) for song, track in songs]
    shard = watch.time("write the shard", write_shard, layout, key, FEATURES, rows)
    watch.time("commit to the catalog", record_extraction, layout, [shard], [])
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

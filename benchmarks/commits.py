"""What one writer of the catalog can take, and what else grows with the library.

``PYTHONPATH=. .venv/bin/python benchmarks/commits.py [TRACKS …]``: 10,000, 100,000 and 1,000,000
if none is named. A catalog of so many made-up tracks, all extracted, takes waves of 512 songs, as
one machine makes them, and of 5120, as forty workers do.
"""

import hashlib
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.bars import Bar
from genre_core.representations.features import FeatureConfig
from genre_core.signal.sound import Sound
from storage.catalog.audits import record_sounds
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import (
    Shard,
    all_shards,
    record_extraction,
    record_features,
    select_pending,
    settle_outcomes,
)
from storage.catalog.publish import publish
from storage.home import DataLayout
from storage.shard_store import list_shards
from storage.shards import TrackMatrices, write_shard
from tests.catalogs import in_catalog

SIZES = (10_000, 100_000, 1_000_000)
SONGS_A_CHUNK = 64
WAVE, LARGE_WAVE = 8 * SONGS_A_CHUNK, 80 * SONGS_A_CHUNK
WAVES = [WAVE] * 9 + [LARGE_WAVE] * 3
SONGS_A_LARGE_SHARD = 64 * 2**20 // (15 * 12 * 29 * 4)
DAY_S = 86_400
MOST_RECORDS = 1_000_000
IN_A_YEAR = 100_000_000 / 365  # songs a day
KEY = "key"

_TRACKS = """
    insert into tracks (track_id, location, genre, artist, album, title, licence, duration_s,
        sample_rate, channels, codec, suffix, packets_id, bit_rate)
    select sha256(n::varchar), '/music/genre/artist ' || n // 10 || '/song ' || n || '.mp3',
        'genre ' || n % 10, 'artist ' || n // 10, 'album ' || n // 10, 'song ' || n, 'CC0-1.0',
        240.0, 44100, 2, 'mp3', '.mp3', sha256('packets ' || n), 192000
    from range({first}, {last}) as numbers(n)
"""
_OUTCOMES = """
    insert into outcomes (source, track_id, genre, outcome, stage, reason, message)
    select location, track_id, genre, 'ok', 'extract', '', '' from tracks
    where track_id not in (select track_id from outcomes)
"""
_EXTRACTED = """
    insert into extracted (track_id, feature_key, shard, n_fragments)
    select sha256(n::varchar), 'key', 'key/' || sha256('' || n // {large})[:24] || '.parquet', 15
    from range(0, {last}) as numbers(n)
"""
_SHARDS = """
    insert into shards (shard, feature_key, n_rows, n_bytes)
    select shard, 'key', sum(n_fragments), 60000000 from extracted group by shard
"""
_SOUND = "insert into sound select track_id, -20.0, 16000.0 from tracks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Seconds that steps of ``extract`` take on a catalog of some tracks, in large shards.

    ``select_all_s``, where no track has examples yet, is not measured above a million tracks: it
    gives one record a track.
    """

    n_tracks: int
    n_shards: int
    select_all_s: float
    select_none_s: float
    commit_s: float
    commit_large_s: float
    settle_s: float
    list_s: float
    publish_s: float
    catalog_mib: int
    peak_mib: int

    @property
    def songs_a_day(self) -> float:
        """What one writer that does nothing else can record, in waves of one machine."""
        return WAVE * DAY_S / self.commit_s

    @property
    def cluster_songs_a_day(self) -> float:
        """The same, in waves of forty workers."""
        return LARGE_WAVE * DAY_S / self.commit_large_s


def measure(n_tracks: int, home: Path) -> Load:
    """Fill a catalog, then time each step that grows with it."""
    layout = DataLayout(home)
    in_catalog(layout, record_features, {KEY: FeatureConfig()})
    _fill(layout, _TRACKS.format(first=0, last=n_tracks), _OUTCOMES)
    asked = n_tracks <= MOST_RECORDS
    select_all_s = _time(lambda: in_catalog(layout, select_pending, [KEY])) if asked else math.nan
    extracted = _EXTRACTED.format(last=n_tracks, large=SONGS_A_LARGE_SHARD)
    _fill(layout, extracted, _SHARDS, _SOUND)
    _link_shards(layout)
    list_s, n_shards = _time(lambda: list_shards(layout)), len(in_catalog(layout, all_shards))
    publish_s = _time(lambda: publish(layout))
    select_none_s = _time(lambda: in_catalog(layout, select_pending, [KEY]))
    last = n_tracks + sum(WAVES)
    _fill(layout, _TRACKS.format(first=n_tracks, last=last), _OUTCOMES)
    commits = [
        (n_songs, _commit(layout, n_tracks + sum(WAVES[:nth]), n_songs))
        for nth, n_songs in enumerate(WAVES)
    ]
    return Load(
        n_tracks=n_tracks,
        n_shards=n_shards,
        select_all_s=select_all_s,
        select_none_s=select_none_s,
        commit_s=statistics.median(s for n_songs, s in commits if n_songs == WAVE),
        commit_large_s=statistics.median(s for n_songs, s in commits if n_songs == LARGE_WAVE),
        settle_s=_time(lambda: in_catalog(layout, settle_outcomes, [KEY])),
        list_s=list_s,
        publish_s=publish_s,
        catalog_mib=layout.catalog.stat().st_size >> 20,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    )


def bars(loads: list[Load]) -> list[Bar]:
    """Return the promised size: 100 million songs within a year, by one writer."""
    return [
        Bar(
            name=f"one writer of a catalog of {load.n_tracks:,} tracks",
            measured=load.songs_a_day,
            bar=IN_A_YEAR,
            unit="songs a day",
            at_least=True,
            note=f"{1 / load.commit_s:.2f} waves of {WAVE} songs a second; in waves of "
            f"{LARGE_WAVE}: {load.cluster_songs_a_day:,.0f} songs a day",
        )
        for load in loads
    ]


def _commit(layout: DataLayout, first: int, n_songs: int) -> float:
    """Record a wave of songs from the n-th on, as ``record_shards`` does; give the seconds."""
    ids = [hashlib.sha256(f"{n}".encode()).hexdigest() for n in range(first, first + n_songs)]
    chunks = [ids[n : n + SONGS_A_CHUNK] for n in range(0, len(ids), SONGS_A_CHUNK)]
    shards = [
        Shard(
            name=f"{KEY}/{chunk[0][:24]}.parquet",
            feature_key=KEY,
            n_bytes=1_200_000,
            digest=chunk[0],
            n_fragments=dict.fromkeys(chunk, 15),
        )
        for chunk in chunks
    ]
    sounds = [Sound(track_id=t, loudness_db=-20.0, cutoff_hz=16_000.0) for t in ids]
    started = time.perf_counter()
    in_catalog(layout, record_sounds, sounds)
    in_catalog(layout, record_extraction, shards, [])
    return time.perf_counter() - started


def _fill(layout: DataLayout, *statements: str) -> None:
    for statement in statements:
        with open_catalog(layout) as catalog:
            catalog.execute(statement)


def _link_shards(layout: DataLayout) -> None:
    """Let one real shard stand under the name of each."""
    features = FeatureConfig()
    matrices = np.zeros((1, *features.shape), np.float32)
    row = TrackMatrices(track_id="none", genre="jazz", starts_s=(30.0,), matrices=matrices)
    real = layout.shards / write_shard(layout, KEY, features, [row]).name
    for name in in_catalog(layout, all_shards):
        os.link(real, layout.shards / name)


def _time(step: Callable[[], object]) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def measure_apart(n_tracks: int) -> Load:
    """Measure in a process of its own, so that its peak of memory is its own, too."""
    command = [sys.executable, "-m", "benchmarks.commits", "--one", str(n_tracks)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return Load(**json.loads(ended.stdout.splitlines()[-1]))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(sizes: tuple[int, ...]) -> None:
    """Print a row a size, then the bars."""
    loads = []
    for n_tracks in sizes:
        loads.append(measure_apart(n_tracks))
        _say(json.dumps(asdict(loads[-1])))
    for bar in bars(loads):
        _say(f"{bar.name}: {bar.measured:,.0f} {bar.unit}, bar {bar.bar:,.0f} ({bar.note})")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        with TemporaryDirectory() as folder:
            _say(json.dumps(asdict(measure(int(sys.argv[2]), Path(folder)))))
    else:
        main(tuple(map(int, sys.argv[1:])) or SIZES)

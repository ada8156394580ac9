"""What reading a training set costs beside bare pyarrow, and what questions in SQL take.

``python -m benchmarks.loading WORK [TRACKS]``

Matrices are drawn at random, spread like power: numbers that compress no better than real ones.
"""

import hashlib
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.bars import Bar
from benchmarks.homes import fresh, record_tracks
from benchmarks.tables import print_bars
from genre_core.records import Split, Track
from genre_core.representations.features import FeatureConfig, feature_key
from storage.audio.decode import DECODER_VERSION
from storage.catalog.extraction import record_extraction, record_features, shard_names
from storage.catalog.publish import publish
from storage.catalog.query import query
from storage.catalog.snapshots import Snapshot
from storage.compaction import compact
from storage.home import DataLayout
from storage.shards import TrackMatrices, write_shard
from tasks.splits import assign_splits, split_examples
from tests.catalogs import in_catalog

FEATURES = FeatureConfig()
KEY = feature_key(FEATURES, DECODER_VERSION)
N_TRACKS, N_GENRES, PER_SHARD, N_TIMES = 9_524, 8, 64, 5
QUESTIONS = {
    "fragments of each genre": "select genre, count(*) from spectrograms group by all",
    "mean of a band over each genre": """
        select genre, avg(list_avg("values"[1:29])) from spectrograms group by all
    """,
    "the ten nearest matrices to one": """
        with one as (select "values" as sought from spectrograms limit 1)
        select track_id, fragment, list_distance("values"::float[], sought::float[]) as distance
        from spectrograms, one order by distance limit 10
    """,
}


def measure(work: Path, n_tracks: int = N_TRACKS) -> list[Bar]:
    """Read the training split of a snapshot, and the same files bare; then ask the store."""
    layout = DataLayout(fresh(work / "loading"))
    snapshot = _fill(layout, n_tracks)
    paths = [layout.shards / name for name in in_catalog(layout, shard_names, KEY)]
    ours_s, bare_s = [], []
    for _ in range(N_TIMES):
        ours_s.append(_time(lambda: split_examples(layout, snapshot, Split.TRAIN)))
        bare_s.append(_time(lambda: _read_bare(paths)))
    n_train = len(split_examples(layout, snapshot, Split.TRAIN))
    ratio = statistics.median(ours_s) / statistics.median(bare_s)
    return [
        Bar(
            name="a training set from the shards, against pyarrow that maps and reads them",
            measured=ratio,
            bar=2,
            unit="×",
            at_least=False,
            note=f"{n_train:,} of {snapshot.n_examples:,} examples of 348 numbers: "
            f"{statistics.median(ours_s):.2f} s; medians of {N_TIMES}",
        ),
        *(_ask(layout, name, statement) for name, statement in QUESTIONS.items()),
    ]


def _fill(layout: DataLayout, n_tracks: int) -> Snapshot:
    """Record in a home a snapshot of made-up matrices, in shards as extract leaves them."""
    rng = np.random.default_rng(0)
    tracks = [_track(nth) for nth in range(n_tracks)]
    record_tracks(layout, tracks)
    in_catalog(layout, record_features, {KEY: FEATURES})
    for first in range(0, n_tracks, PER_SHARD):
        rows = [_matrices(track, rng) for track in tracks[first : first + PER_SHARD]]
        in_catalog(layout, record_extraction, [write_shard(layout, KEY, FEATURES, rows)], [])
    compact(layout)
    publish(layout)
    return assign_splits.fn(layout, [FEATURES], (), 0)[0]


def _track(nth: int) -> Track:
    return Track(
        track_id=hashlib.sha256(str(nth).encode()).hexdigest(),
        location=f"/made/{nth}.mp3",
        genre=f"genre{nth % N_GENRES}",
        artist=f"artist {nth // 3}",
        album="",
        title="",
        licence="",
        duration_s=240.0,
        sample_rate=44_100,
        channels=2,
        codec="mp3",
        suffix=".mp3",
    )


def _matrices(track: Track, rng: np.random.Generator) -> TrackMatrices:
    n_fragments = FEATURES.fragments.n_fragments
    return TrackMatrices(
        track_id=track.track_id,
        genre=track.genre,
        starts_s=tuple(np.arange(n_fragments, dtype=float)),
        matrices=rng.random((n_fragments, *FEATURES.shape), np.float32) ** 4,
    )


def _read_bare(paths: Sequence[Path]) -> np.ndarray:
    tables = [pq.read_table(path, columns=["values"], memory_map=True) for path in paths]
    return np.concatenate(
        [table["values"].combine_chunks().flatten().to_numpy() for table in tables]
    )


def _ask(layout: DataLayout, name: str, statement: str) -> Bar:
    times_s = [_time(lambda: query(layout, statement)) for _ in range(N_TIMES)]
    median_s = statistics.median(times_s)
    return Bar(name=f"SQL: {name}", measured=median_s, bar=0, unit="s", at_least=True)


def _time(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


if __name__ == "__main__":
    print_bars(measure(Path(sys.argv[1]), *map(int, sys.argv[2:])))

"""What the export of a large library takes: time, memory and bytes.

``python -m benchmarks.datasets WORK [SONGS]``

Features are random numbers, which compress as badly as real ones; there is an embedding of the size
of musicnn's, and no sound.
"""

import sys
from pathlib import Path

import numpy as np

from benchmarks.bars import Bar
from benchmarks.growth import peak_memory
from benchmarks.homes import fresh, run_command
from benchmarks.libraries import (
    FEATURES,
    FRAGMENTS_A_SONG,
    KEY,
    SONGS_A_CHUNK,
    TRACKS,
    run,
)
from benchmarks.tables import print_bars
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import embedding_features
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import record_extraction, record_features
from storage.catalog.publish import publish
from storage.catalog.snapshots import record_snapshot
from storage.home import DataLayout
from storage.shards import TrackMatrices, write_shard

N_SONGS = 20_000
N_VALUES, N_TAGS = 400, 100
MIB = 2**20
ASSIGNED = """
    insert into assignments (track_id, genre, split, group_id, split_level)
    select track_id, genre, if(rank < 0.7, 'train', if(rank < 0.85, 'validation', 'test')),
        'artist:' || artist, 'group'
    from (select *, hash(artist) / 2.0::double ** 64 as rank from tracks)
"""
EMBEDDED = f"""
    insert into song_embeddings select track_id, 'made',
        list_transform(range({N_VALUES}), lambda i: random()::float),
        list_transform(range({N_TAGS}), lambda i: random()::float) from tracks
"""
EMBEDDED_ROWS = "insert into extracted select track_id, 'made', '', 1, '', '' from tracks"


def measure(work: Path, n_songs: int = N_SONGS) -> list[Bar]:
    """Export a made-up library once."""
    layout = DataLayout(fresh(work / "datasets"))
    fill_home(layout, n_songs)
    target = layout.home / "exported"
    with peak_memory() as peak:
        wall_s, _, _ = run_command(layout.home, "export-dataset", str(target))
    n_bytes = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    note = f"{n_songs:,} songs, {FRAGMENTS_A_SONG} fragments each, {n_bytes / MIB:,.0f} MiB written"
    return [
        Bar(
            name="export of a dataset", measured=wall_s, bar=90, unit="s", at_least=False, note=note
        ),
        Bar(
            name="memory of the export",
            measured=peak[0],
            bar=1024,
            unit="MiB",
            at_least=False,
            note="resident, at most",
        ),
    ]


def fill_home(layout: DataLayout, n_songs: int) -> None:
    """Fill a home with songs, their features, embeddings and splits, and snapshots of both."""
    made = Embedding(
        name="made",
        digest="made",
        sample_rate=16_000,
        window_s=3.0,
        hop_s=3.0,
        n_features=N_VALUES,
        tags=tuple(f"made: {nth}" for nth in range(N_TAGS)),
    )
    with open_catalog(layout) as catalog:
        record_features(catalog, {KEY: FEATURES, "made": embedding_features(made, 6)})
    run(layout, TRACKS, 0, n_songs, n_songs)
    with open_catalog(layout) as catalog:
        track_ids = [row[0] for row in catalog.execute("select track_id from tracks").fetchall()]
    rng = np.random.default_rng(0)
    for first in range(0, n_songs, SONGS_A_CHUNK):
        _add_shard(layout, track_ids[first : first + SONGS_A_CHUNK], rng)
    with open_catalog(layout) as catalog:
        for statement in (ASSIGNED, EMBEDDED, EMBEDDED_ROWS):
            catalog.execute(statement)
        for key in ("made", KEY):
            record_snapshot(catalog, key, track_ids, 0, for_train=key == KEY)
    publish(layout)


def _add_shard(layout: DataLayout, track_ids: list[str], rng: np.random.Generator) -> None:
    starts_s = tuple(map(float, range(FRAGMENTS_A_SONG)))
    shape = (FRAGMENTS_A_SONG, *FEATURES.shape)
    rows = [
        TrackMatrices(
            track_id=track_id,
            genre="",
            starts_s=starts_s,
            matrices=rng.random(shape, np.float32),
        )
        for track_id in track_ids
    ]
    shard = write_shard(layout, KEY, FEATURES, rows)
    with open_catalog(layout) as catalog:
        record_extraction(catalog, [shard], [])


if __name__ == "__main__":
    print_bars(measure(Path(sys.argv[1]), *map(int, sys.argv[2:])))

"""Joining shards a row group at a time gives the file that Arrow writes of the whole table."""

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genre_core.representations.features import FeatureConfig
from storage.home import DataLayout
from storage.shards import ROW_GROUP_BYTES, TrackMatrices, join_shards, write_shard

LOGMEL = FeatureConfig(representation="logmel", fragment_s=3.0)
N_FRAGMENTS = 90  # five tracks of 90 matrices of 64 × 128 float32 are 14 MiB: two row groups


def test_a_joined_shard_is_what_arrow_writes_of_the_sorted_table(tmp_path: Path) -> None:
    layout, rng = DataLayout(tmp_path), np.random.default_rng(0)
    names = []
    for few in ("da", "fb", "ec"):
        rows = [
            TrackMatrices(
                track_id=track_id,
                genre="jazz",
                starts_s=tuple(map(float, range(N_FRAGMENTS))),
                matrices=rng.random((N_FRAGMENTS, *LOGMEL.shape), np.float32),
            )
            for track_id in few
        ]
        names.append(write_shard(layout, "key", LOGMEL, rows).name)

    joined = join_shards(layout, "key", names, list("abcef"))

    tables = [pq.read_table(layout.shards / name, partitioning=None) for name in names]
    wanted = pa.concat_tables(tables).filter(pc.field("track_id") != "d")
    pq.write_table(
        wanted.sort_by([("track_id", "ascending"), ("fragment", "ascending")]),
        tmp_path / "by arrow.parquet",
        row_group_size=ROW_GROUP_BYTES // (4 * 64 * 128),
        compression="zstd",
        use_dictionary=["track_id", "genre", "representation", "feature_key"],
        use_byte_stream_split=["values.list.element"],
        write_page_checksum=True,
    )
    assert pq.read_metadata(tmp_path / "by arrow.parquet").num_row_groups == 2
    assert joined.digest == hashlib.sha256((tmp_path / "by arrow.parquet").read_bytes()).hexdigest()
    assert joined.n_fragments == dict.fromkeys("abcef", N_FRAGMENTS)

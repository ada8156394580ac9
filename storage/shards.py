"""Shards: Parquet files of examples, one row a fragment. Who reads or writes one needs Arrow."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genre_core.examples import Float32Array
from genre_core.representations.features import FeatureConfig
from storage.catalog.extraction import Shard
from storage.home import DataLayout
from storage.shard_store import (
    ShardStore,
    explaining_damage,
    open_store,
    put_shard,
    require_shards,
)

ROW_GROUP_BYTES = 8 * 2**20
_IN_ORDER = [("track_id", "ascending"), ("fragment", "ascending")]
_WORDS = ("track_id", "genre", "representation", "feature_key")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrackMatrices:
    """The matrices of one track: float32 (n_fragments, n_bands, n_frames), starts in seconds."""

    track_id: str
    genre: str
    starts_s: tuple[float, ...]
    matrices: Float32Array


def write_shard(
    layout: DataLayout, feature_key: str, features: FeatureConfig, rows: Sequence[TrackMatrices]
) -> Shard:
    """Write the matrices of some tracks as one shard; it appears whole, under a stable name.

    The name digests the track ids, so that a chunk that is done again replaces its own shard.
    """
    table = pa.concat_tables([_table(feature_key, features, track) for track in rows])
    return _write(layout, feature_key, table, pa.array(range(len(table)), pa.int64()))


def join_shards(
    layout: DataLayout, feature_key: str, shards: Sequence[str], track_ids: Sequence[str]
) -> Shard:
    """Join the rows of some tracks, in order; raises `CatalogMismatch` if a shard is damaged."""
    store = require_shards(layout, shards)
    table = pa.concat_tables([_read_checked(store, name) for name in shards])
    order = pc.sort_indices(table.select(["track_id", "fragment"]), sort_keys=_IN_ORDER)
    wanted = pc.is_in(table["track_id"].take(order), pa.array(track_ids, pa.string()))
    return _write(layout, feature_key, table, order.filter(wanted))


def free_memory() -> None:
    """Release the memory that Arrow retains after reading shards."""
    pa.default_memory_pool().release_unused()


def count_fragments(layout: DataLayout, name: str) -> dict[str, int]:
    """Count the rows of each track in a shard; raises `CatalogMismatch` if it is damaged."""
    table = _read_checked(open_store(layout), name)
    return dict(Counter(table["track_id"].to_pylist()))


def _table(feature_key: str, features: FeatureConfig, track: TrackMatrices) -> pa.Table:
    n_fragments, n_bands, n_frames = track.matrices.shape
    values = pa.FixedSizeListArray.from_arrays(
        np.ascontiguousarray(track.matrices).reshape(-1), n_bands * n_frames
    )
    return pa.table(
        {
            "track_id": [track.track_id] * n_fragments,
            "genre": [track.genre] * n_fragments,
            "fragment": pa.array(range(n_fragments), pa.int16()),
            "start_s": list(track.starts_s),
            "fragment_s": pa.array([features.fragment_s] * n_fragments, pa.float64()),
            "representation": [features.representation] * n_fragments,
            "n_bands": pa.array([n_bands] * n_fragments, pa.int16()),
            "n_frames": pa.array([n_frames] * n_fragments, pa.int16()),
            "values": values,
            "feature_key": [feature_key] * n_fragments,
        }
    )


def _pack(table: pa.Table, order: pa.Array) -> pa.Buffer:
    """Return rows of a table, in some order, as Parquet; no more than a row group is copied."""
    n_rows = max(1, ROW_GROUP_BYTES // (4 * table.schema.field("values").type.list_size))
    with pa.BufferOutputStream() as stream:
        with pq.ParquetWriter(
            stream,
            table.schema,
            compression="zstd",
            use_dictionary=list(_WORDS),
            use_byte_stream_split=["values.list.element"],
            write_page_checksum=True,
        ) as writer:
            for first in range(0, len(order), n_rows):
                writer.write_table(_take(table, order.slice(first, n_rows)))
        return stream.getvalue()


def _take(table: pa.Table, rows: pa.Array) -> pa.Table:
    """Return some rows of a table; Arrow's own ``take`` copies all matrices of the table first."""
    place, wanted = table.schema.get_field_index("values"), rows.to_numpy().astype(np.int64)
    chunks = table["values"].chunks
    starts = np.cumsum([0, *map(len, chunks)])
    values = np.empty((len(wanted), table.schema.field("values").type.list_size), np.float32)
    for chunk, start, end in zip(chunks, starts[:-1], starts[1:], strict=True):
        here = (wanted >= start) & (wanted < end)
        matrices = chunk.flatten().to_numpy().reshape(len(chunk), -1)
        values[here] = matrices[wanted[here] - start]
    column = pa.FixedSizeListArray.from_arrays(values.reshape(-1), type=table["values"].type)
    taken = table.remove_column(place).take(rows)
    return taken.add_column(place, table.schema.field(place), column)


def _read_checked(store: ShardStore, name: str) -> pa.Table:
    """Read a shard, every page checked."""
    with open_shard(store, name) as file:
        return file.read(use_threads=False)


@contextmanager
def open_shard(store: ShardStore, name: str) -> Iterator[pq.ParquetFile]:
    """Open a shard whose pages are checked; `CatalogMismatch` if it is damaged."""
    with (
        explaining_damage(store, name),
        pq.ParquetFile(
            store.path(name),
            filesystem=store.filesystem,
            pre_buffer=not store.is_local,  # few requests for all pages, not one for each
            page_checksum_verification=True,
        ) as file,
    ):
        yield file


def _write(layout: DataLayout, feature_key: str, table: pa.Table, order: pa.Array) -> Shard:
    """Write rows of a table, in some order, as a shard that is named by its tracks."""
    n_fragments = dict(Counter(table["track_id"].take(order).to_pylist()))
    digest = hashlib.sha256("\n".join(n_fragments).encode()).hexdigest()
    name = f"{feature_key}/{digest[:24]}.parquet"
    content = _pack(table, order)
    put_shard(layout, name, content)
    return Shard(
        name=name,
        feature_key=feature_key,
        n_bytes=content.size,
        digest=hashlib.sha256(content).hexdigest(),
        n_fragments=n_fragments,
    )

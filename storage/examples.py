"""Read the examples of a training set from the shards."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genre_core.errors import CatalogMismatch
from genre_core.examples import Examples, Float32Array, Int64Array
from genre_core.records import counted
from genre_core.representations.embeddings import song_examples
from storage.files import explaining_disk_errors
from storage.home import DataLayout
from storage.shard_store import ShardStore, explaining_damage, require_shards

if TYPE_CHECKING:
    import pyarrow as pa

MOST_IN_MEMORY = 1 << 30
"""Bytes of matrices that are read into memory: 770,000 of the thesis's shape."""
_PLACES = ["track_id", "fragment", "n_bands", "n_frames"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """The rows of a shard to read: their positions, indices of their tracks, and fragments."""

    shard: str
    rows: Int64Array
    tracks: Int64Array
    fragments: Int64Array
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredExamples:
    """Where the examples of some tracks are, for a process that reads no catalog.

    The windows of an embedding are averaged: the head reads songs.
    """

    layout: DataLayout
    shards: Sequence[str]
    genre_of_track: Mapping[str, str]
    genres: Sequence[str]
    is_embedding: bool

    def read(self) -> Examples:
        """Read them as the networks take them."""
        examples = read_examples(self.layout, self.shards, self.genre_of_track, self.genres)
        return song_examples(examples) if self.is_embedding else examples


def read_examples(
    layout: DataLayout,
    shards: Sequence[str],
    genre_of_track: Mapping[str, str],
    genres: Sequence[str],
) -> Examples:
    """Read the examples of some tracks: float32 matrices ordered by track and fragment.

    A label is an index into ``genres``. Raises `CatalogMismatch` if a shard is gone or damaged, or
    a track has no example.

    The shards are read twice: first for where each row belongs, then each for its matrices, which
    go straight to their places. So memory holds the examples and one shard, and nothing is sorted;
    matrices of more than `MOST_IN_MEMORY` are in a file of their own, mapped.
    """
    if not genre_of_track:
        raise ValueError("no track to read examples of")
    if not shards:
        raise CatalogMismatch(
            "The catalog names no shard for these settings; `genreflow extract` makes them."
        )
    track_ids = sorted(genre_of_track)
    store = require_shards(layout, shards)
    with explaining_damage(store, shards[0]):
        found = [_find_rows(store, shard, track_ids) for shard in shards]
        found = [rows for rows in found if len(rows.rows)]
        tracks = np.concatenate([rows.tracks for rows in found] or [np.zeros(0, np.int64)])
        _require_all(track_ids, tracks)
        fragments = np.concatenate([rows.fragments for rows in found])
        order = np.lexsort((fragments, tracks))
        matrices = _gather(store, found, order, layout)
    label_of_genre = {genre: label for label, genre in enumerate(genres)}
    labels = np.array([label_of_genre[genre_of_track[name]] for name in track_ids], np.int64)
    ordered = tracks[order]
    return Examples(
        matrices=matrices, labels=labels[ordered], track_ids=np.array(track_ids, object)[ordered]
    )


def _find_rows(store: ShardStore, shard: str, track_ids: Sequence[str]) -> _Rows:
    """Find the rows of some tracks in a shard; the matrices are not read."""
    table = _read(store, shard, _PLACES, read_dictionary=["track_id"])
    names = table["track_id"].combine_chunks()
    index = {track_id: nth for nth, track_id in enumerate(track_ids)}
    known = np.array([index.get(name, -1) for name in names.dictionary.to_pylist()], np.int64)
    tracks = known[names.indices.to_numpy()]
    rows = np.flatnonzero(tracks >= 0)
    shape = (table["n_bands"][0].as_py(), table["n_frames"][0].as_py())
    return _Rows(
        shard=shard,
        rows=rows,
        tracks=tracks[rows],
        fragments=table["fragment"].to_numpy()[rows].astype(np.int64),
        shape=shape,
    )


def _gather(
    store: ShardStore, found: Sequence[_Rows], order: npt.NDArray[np.intp], layout: DataLayout
) -> Float32Array:
    """Put the matrices of all shards in order, float32 (n_examples, n_bands, n_frames)."""
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    matrices = _allocate((len(order), *found[0].shape), layout)
    first = 0
    for rows in found:
        _place(store, rows, places[first : first + len(rows.rows)], matrices)
        first += len(rows.rows)
    return matrices


def _allocate(shape: tuple[int, ...], layout: DataLayout) -> Float32Array:
    """Return room for matrices: in memory, or, if they are many, in a file without a name.

    It is in the home, and its space is free again when nothing reads it any more.
    """
    n_bytes = prod(shape) * np.dtype(np.float32).itemsize
    if n_bytes <= MOST_IN_MEMORY:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile(dir=layout.home) as file:
        with explaining_disk_errors(layout):
            if hasattr(os, "posix_fallocate"):  # a full disk kills who writes to mapped pages
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            else:
                file.truncate(n_bytes)
        return np.memmap(file, np.float32, "r+", shape=shape)


def _place(
    store: ShardStore, rows: _Rows, places: npt.NDArray[np.intp], matrices: Float32Array
) -> None:
    """Copy the rows of a shard to their places, a row group after the other."""
    first = 0
    for chunk in _read(store, rows.shard, ["values"])["values"].chunks:
        inside = slice(*np.searchsorted(rows.rows, [first, first + len(chunk)]))
        values = chunk.flatten().to_numpy().reshape(-1, *rows.shape)
        matrices[places[inside]] = values[rows.rows[inside] - first]
        first += len(chunk)


def _read(
    store: ShardStore, shard: str, columns: list[str], read_dictionary: Sequence[str] = ()
) -> "pa.Table":
    import pyarrow.parquet as pq

    return pq.read_table(
        store.path(shard),
        columns=columns,
        filesystem=store.filesystem,
        memory_map=store.is_local,
        read_dictionary=list(read_dictionary),
        page_checksum_verification=True,
    )


def _require_all(track_ids: Sequence[str], tracks: Int64Array) -> None:
    found = np.bincount(tracks, minlength=len(track_ids)) > 0
    missing = [name for name, is_found in zip(track_ids, found, strict=True) if not is_found]
    if missing:
        raise CatalogMismatch(
            f"{counted(len(missing), 'track has', 'tracks have')} no example in the shards, among "
            f"them {missing[0][:12]}; run `genreflow extract` again."
        )

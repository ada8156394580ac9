"""Datasets: the Parquet files of a snapshot, in the layout of Hugging Face `datasets`."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genre_core.dataset.exported import (
    AUDIO,
    FEATURES,
    SONG_COLUMNS,
    Column,
    ExportedSong,
    Kind,
    Table,
    TableFile,
    file_name,
)
from genre_core.examples import Float32Array
from genre_core.records import LEARNING_SPLITS, Split
from genre_core.signal.fragments import SAMPLE_RATE
from storage.catalog.exported import DatasetSource
from storage.files import digest_file
from storage.home import DataLayout
from storage.shard_store import require_shards
from storage.shards import open_shard

ROW_GROUP_BYTES = 32 * 2**20
MAX_FILE_BYTES = 500 * 10**6
"""A file that is larger is the last of its part: hubs and readers prefer files of that size."""
ROWS_AT_ONCE = 1024
_PLACES = ["track_id", "fragment", "start_s"]

Advance = Callable[[int], None]
Starts = Mapping[str, Sequence[tuple[int, float]]]
"""Number and start, in seconds, of the fragments of songs, by track."""


class TableWriter:
    """Writes a table of a dataset, one file or several a split; rows come in any order of splits.

    Memory holds the rows of one row group a split.
    """

    def __init__(self, folder: Path, table: Table) -> None:
        self.folder, self.table = folder, table
        self.schema = arrow_schema(table)
        self.waiting: dict[Split, list[pa.Table]] = {split: [] for split in LEARNING_SPLITS}
        self.open: dict[Split, pq.ParquetWriter] = {}
        self.n_rows: dict[Split, list[int]] = {split: [] for split in LEARNING_SPLITS}
        (folder / table.folder).mkdir()

    def add(self, rows: pa.Table) -> None:
        """Add rows, each to the file of its split."""
        for split in LEARNING_SPLITS:
            chosen = rows.filter(pc.equal(rows["split"], str(split)))
            if len(chosen):
                self.waiting[split].append(chosen)
                if sum(table.nbytes for table in self.waiting[split]) >= ROW_GROUP_BYTES:
                    self._write(split)

    def close(self) -> list[TableFile]:
        """Write what is left, name the files, and return them."""
        for split in LEARNING_SPLITS:
            if self.waiting[split]:
                self._write(split)
        for writer in self.open.values():
            writer.close()
        return [file for split in LEARNING_SPLITS for file in self._name_files(split)]

    def _write(self, split: Split) -> None:
        """Write a row group; begin a new file where the last one is large enough."""
        rows = pa.concat_tables(self.waiting[split]).select(self.schema.names).cast(self.schema)
        self.waiting[split] = []
        if split not in self.open:
            self.n_rows[split].append(0)
            path = self._part(split, len(self.n_rows[split]) - 1)
            self.open[split] = pq.ParquetWriter(
                path,
                self.schema,
                compression="zstd",
                use_dictionary=[c.name for c in self.table.columns if c.kind is Kind.TEXT],
                write_page_checksum=True,
            )
        self.open[split].write_table(rows, row_group_size=len(rows))
        self.n_rows[split][-1] += len(rows)
        if self._part(split, len(self.n_rows[split]) - 1).stat().st_size >= MAX_FILE_BYTES:
            self.open.pop(split).close()

    def _part(self, split: Split, nth: int) -> Path:
        return self.folder / self.table.folder / f"{split}-{nth:05d}.parquet"

    def _name_files(self, split: Split) -> Iterator[TableFile]:
        for nth, n_rows in enumerate(self.n_rows[split]):
            name = file_name(self.table, split, nth, len(self.n_rows[split]))
            path = self._part(split, nth).rename(self.folder / name)
            yield TableFile(
                name=name,
                table=self.table.name,
                split=split,
                n_rows=n_rows,
                n_bytes=path.stat().st_size,
                sha256=digest_file(path),
            )


def arrow_schema(table: Table) -> pa.Schema:
    """Return the schema of a table; its genres are text, which every reader understands."""
    return pa.schema([(column.name, _arrow_type(column)) for column in table.columns])


def _arrow_type(column: Column) -> pa.DataType:
    if column.kind is Kind.AUDIO:
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    kinds = {
        Kind.COUNT: pa.int16(),
        Kind.SECONDS: pa.float64(),
        Kind.ARRAY: pa.float32(),
    }
    kind = kinds.get(column.kind, pa.string())
    for size in reversed(column.shape):
        kind = pa.list_(kind, size)
    return kind


def write_fragments(
    layout: DataLayout, folder: Path, table: Table, source: DatasetSource, advance: Advance
) -> list[TableFile]:
    """Write the features of all fragments, in the order of the shards, which holds one at a time.

    Raises `CatalogMismatch` if a shard is gone or damaged.
    """
    writer, songs = TableWriter(folder, table), song_table(source.songs)
    shape = next(column.shape for column in table.columns if column.name == FEATURES)
    for batch in _read_shards(layout, source.shards, [*_PLACES, "values"]):
        nth = pc.index_in(batch["track_id"], value_set=songs["track_id"])
        known = pc.is_valid(nth)
        batch, nth = batch.filter(known), nth.filter(known)
        values = batch["values"].flatten()
        rows = songs.take(nth)
        rows = rows.append_column("fragment", batch["fragment"])
        start_s = pc.add(batch["start_s"], source.features.context_s)
        rows = rows.append_column("start_s", start_s)
        length_s = pa.repeat(pa.scalar(source.features.fragment_s, pa.float64()), len(rows))
        rows = rows.append_column("fragment_s", length_s)
        writer.add(rows.append_column(FEATURES, _nest(values, shape)))
        advance(len(rows))
    return writer.close()


def _read_shards(
    layout: DataLayout, shards: Sequence[str], columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    store = require_shards(layout, shards)
    for shard in shards:
        with open_shard(store, shard) as file:
            yield from file.iter_batches(ROWS_AT_ONCE, columns=list(columns), use_threads=False)


def _nest(values: pa.Array, shape: Sequence[int]) -> pa.Array:
    for size in reversed(shape):
        values = pa.FixedSizeListArray.from_arrays(values, size)
    return values


def song_table(songs: Sequence[ExportedSong]) -> pa.Table:
    """Return songs as a table with the columns `SONG_COLUMNS`."""
    return pa.table(
        {
            column.name: pa.array(
                [getattr(song, column.name) for song in songs], _arrow_type(column)
            )
            for column in SONG_COLUMNS
        }
    )


def write_songs(
    folder: Path,
    table: Table,
    songs: Sequence[ExportedSong],
    read: Callable[[Sequence[str]], Mapping[str, Mapping[str, Sequence[float]]]],
) -> list[TableFile]:
    """Write the songs; ``read`` returns further columns of some tracks, by column and track."""
    writer = TableWriter(folder, table)
    for first in range(0, len(songs), ROWS_AT_ONCE):
        some = songs[first : first + ROWS_AT_ONCE]
        rows, more = song_table(some), read([song.track_id for song in some])
        for column in table.columns[len(SONG_COLUMNS) :]:
            found = [more[column.name].get(song.track_id) for song in some]
            rows = rows.append_column(column.name, pa.array(found, _arrow_type(column)))
        writer.add(rows)
    return writer.close()


def read_starts(layout: DataLayout, shards: Sequence[str]) -> dict[str, list[tuple[int, float]]]:
    """Return number and start of the fragments of all songs of some shards, in order."""
    starts: dict[str, list[tuple[int, float]]] = {}
    for batch in _read_shards(layout, shards, _PLACES):
        for track_id, *place in zip(*(batch[name].to_pylist() for name in _PLACES), strict=True):
            starts.setdefault(track_id, []).append((place[0], place[1]))
    return {track_id: sorted(places) for track_id, places in starts.items()}


def audio_rows(
    song: ExportedSong, places: Sequence[tuple[int, float]], fragments: Float32Array
) -> pa.Table:
    """Return the rows of a song in the table of the sound: a FLAC file a fragment.

    ``fragments`` are float32 (n_fragments, n_samples) at 44.1 kHz.
    """
    rows = song_table([song] * len(places))
    length_s = [fragments.shape[1] / SAMPLE_RATE] * len(places)
    numbers, starts_s = zip(*places, strict=True)
    audio = [
        {"bytes": encode_flac(samples), "path": f"{song.track_id[:16]}-{number:02d}.flac"}
        for samples, number in zip(fragments, numbers, strict=True)
    ]
    return (
        rows.append_column("fragment", pa.array(numbers, pa.int16()))
        .append_column("start_s", pa.array(starts_s, pa.float64()))
        .append_column("fragment_s", pa.array(length_s, pa.float64()))
        .append_column(
            AUDIO, pa.array(audio, _arrow_type(Column(name="", kind=Kind.AUDIO, about="")))
        )
    )


def encode_flac(samples: Float32Array) -> bytes:
    """Return samples, (n_samples,) at 44.1 kHz, as FLAC of 16 bits; beyond -1..1 is clipped."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()

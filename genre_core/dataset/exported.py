"""What an exported dataset is made of: its columns, its tables, its files and its songs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from genre_core.locations import mask_location
from genre_core.records import LEARNING_SPLITS, Split
from genre_core.signal.fragments import SAMPLE_RATE

_WEB = re.compile(r"(?i)https?://[^/]")


class Kind(StrEnum):
    """The kind of a column: plain values, the genre, arrays of numbers, and encoded sound."""

    TEXT = "string"
    COUNT = "int16"
    SECONDS = "float64"
    GENRE = "genre"
    ARRAY = "float32"
    AUDIO = "audio"


class Sound(StrEnum):
    """Whose sound a dataset holds: no song's, that of songs that may be shared, or every song's."""

    NONE = "none"
    FREE = "free"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column; ``shape`` is that of an array: (n_bands, n_frames) or (n_values,)."""

    name: str
    kind: Kind
    about: str
    shape: tuple[int, ...] = ()


SONG_COLUMNS = (
    Column(name="track_id", kind=Kind.TEXT, about="SHA-256 of the file of the song"),
    Column(name="genre", kind=Kind.GENRE, about="the label"),
    Column(name="artist", kind=Kind.TEXT, about="the artist; empty if unknown"),
    Column(name="album", kind=Kind.TEXT, about="the album; empty if unknown"),
    Column(name="title", kind=Kind.TEXT, about="the title; empty if unknown"),
    Column(name="licence", kind=Kind.TEXT, about="the licence of the song; empty if unknown"),
    Column(name="source", kind=Kind.TEXT, about="where it came from: an address or a file name"),
    Column(name="duration_s", kind=Kind.SECONDS, about="length of the song in seconds"),
    Column(name="split", kind=Kind.TEXT, about="train, validation or test"),
    Column(
        name="group",
        kind=Kind.TEXT,
        about="songs of one group (artist, recording) are all in one split",
    ),
)
FRAGMENT_COLUMNS = (
    Column(name="fragment", kind=Kind.COUNT, about="number of the fragment in its song"),
    Column(name="start_s", kind=Kind.SECONDS, about="where the fragment starts, in seconds"),
    Column(name="fragment_s", kind=Kind.SECONDS, about="length of the fragment in seconds"),
)
FEATURES, AUDIO = "features", "audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedSong:
    """A song of a dataset; the fields of `SONG_COLUMNS`, without paths and secrets."""

    track_id: str
    genre: str
    artist: str
    album: str
    title: str
    licence: str
    source: str
    duration_s: float
    split: Split
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a dataset, a configuration of `datasets`; its files are below ``folder``."""

    name: str
    folder: str
    about: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """A Parquet file of a dataset; ``name`` is its path in the folder of the dataset."""

    name: str
    table: str
    split: Split
    n_rows: int
    n_bytes: int
    sha256: str


def public_source(location: str) -> str:
    """Return a web address without secrets, or of anything else its name without the folders."""
    shown = mask_location(location)
    return shown if _WEB.match(shown) else re.split(r"[/\\]", shown.rstrip("/\\"))[-1]


def file_name(table: Table, split: Split, nth: int, n_files: int) -> str:
    """Return the name of a file as `datasets` looks for it: ``data/train-00000-of-00001…``."""
    return f"{table.folder}/{split}-{nth:05d}-of-{n_files:05d}.parquet"


def filled_splits(files: Sequence[TableFile], table: str) -> list[Split]:
    """Return the splits of which a table has files, in their order."""
    return [s for s in LEARNING_SPLITS if any((f.table, f.split) == (table, s) for f in files)]


def hub_feature(column: Column, genres: Sequence[str]) -> dict[str, Any]:
    """Return a column as `datasets` names its type in the header of a data card."""
    if column.kind is Kind.GENRE:
        names = {str(number): genre for number, genre in enumerate(genres)}
        return {"name": column.name, "dtype": {"class_label": {"names": names}}}
    if column.kind is Kind.AUDIO:
        return {"name": column.name, "dtype": {"audio": {"sampling_rate": SAMPLE_RATE}}}
    if len(column.shape) == 2:
        array = {"shape": list(column.shape), "dtype": str(column.kind)}
        return {"name": column.name, "dtype": {"array2_d": array}}
    if column.shape:
        return {"name": column.name, "list": str(column.kind), "length": column.shape[0]}
    return {"name": column.name, "dtype": str(column.kind)}

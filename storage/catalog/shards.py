"""The shards that the catalog names: listed, forgotten, replaced by larger ones."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.catalog.connection import fetch_rows, insert_rows
from storage.catalog.extraction import Shard, shard_row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedShard:
    """A shard as the catalog knows it.

    Attributes
    ----------
    n_bytes : int
        Size of the file.
    digest : str
        SHA-256 of the file; empty if an older version wrote it.
    values_bytes : int
        Size of its matrices before they are packed.
    """

    name: str
    feature_key: str
    n_bytes: int
    digest: str
    values_bytes: int


def named_shards(catalog: DuckDBPyConnection) -> list[NamedShard]:
    """Return the shards of every feature key, each key's oldest first."""
    statement = """
        select shard as name, feature_key, n_bytes, digest,
            (4::bigint * n_rows * n_bands * n_frames)::bigint as values_bytes
        from shards join features using (feature_key) order by feature_key, created_at, shard
    """
    return [NamedShard(**row) for row in fetch_rows(catalog, statement)]


def count_named(catalog: DuckDBPyConnection, shards: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the number of fragments of each track, by shard, as the catalog has it."""
    statement = """
        select shard, track_id, n_fragments from extracted
        where shard in (select unnest(?)) order by shard, track_id
    """
    counts: dict[str, dict[str, int]] = {shard: {} for shard in shards}
    for row in fetch_rows(catalog, statement, [list(shards)]):
        counts[row["shard"]][row["track_id"]] = row["n_fragments"]
    return counts


def forget_shards(catalog: DuckDBPyConnection, shards: Sequence[str]) -> None:
    """Forget shards and the embeddings of their songs, so that they are extracted again."""
    catalog.execute(
        "delete from song_embeddings where (track_id, feature_key) in (select (track_id, "
        "feature_key) from extracted where shard in (select unnest(?)))",
        [list(shards)],
    )
    for table in ("extracted", "shards"):
        catalog.execute(f"delete from {table} where shard in (select unnest(?))", [list(shards)])


def replace_shards(catalog: DuckDBPyConnection, old: Sequence[str], new: Shard) -> None:
    """Name one shard in the place of several that hold the same rows, in one transaction."""
    insert_rows(catalog, "shards", [shard_row(new)])
    catalog.execute(
        "update extracted set shard = ? where shard in (select unnest(?))",
        [new.name, list(old)],
    )
    catalog.execute("delete from shards where shard in (select unnest(?))", [list(old)])

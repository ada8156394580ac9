"""Fingerprints in the catalog, and the search for copies of a recording among them."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from genre_core.records import Track
from genre_core.signal.fingerprints import (
    ITEM_S,
    MOST_HOLDERS,
    SAME_RECORDING,
    Items,
    find_candidates,
    order_keys,
    similarity,
    sketch,
)
from storage.audio.fingerprint import pack_items, unpack_items
from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.home import DataLayout

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SONGS_PER_SEARCH = 512  # a wave; bounds what keys that many songs share may cost in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """The fingerprint of a track, and the bit rate of its packets.

    ``items`` is uint32 [shape=(n_items,)], none for a song that cannot be fingerprinted.
    """

    track_id: str
    items: Items
    bit_rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Two tracks of one recording, the smaller id first.

    ``offset_s`` says how far the first is ahead: positive if the beginning of the other was cut.
    """

    track_id: str
    other_id: str
    similarity: float
    offset_s: float


def select_unprinted(layout: DataLayout) -> list[Track]:
    """Give the tracks that have not been fingerprinted."""
    statement = """
        select * exclude (added_at) from tracks anti join prints using (track_id) order by track_id
    """
    with open_catalog(layout) as catalog:
        return [Track(**row) for row in fetch_rows(catalog, statement)]


def record_prints(layout: DataLayout, prints: Sequence[Print]) -> int:
    """Record fingerprints, and the copies found of them, in one transaction.

    Returns
    -------
    int
        The number of pairs of copies that are new.

    Notes
    -----
    Songs of the built-in library are never matched. The keys of all songs are scanned twice
    for each 512 new songs, as plain numbers; of the rest only what shares keys is read.
    """
    if not prints:
        return 0
    with open_catalog(layout) as catalog:
        _insert_prints(catalog, prints)
        found = [_find_copies(catalog, songs) for songs in _cut_searches(catalog, prints)]
        rows = [asdict(copy) for copy in set().union(*found)]
        insert_rows(catalog, "copies", rows, "on conflict do nothing")
    return len(rows)


def _insert_prints(catalog: DuckDBPyConnection, prints: Iterable[Print]) -> None:
    names = [print_.track_id for print_ in prints]
    packed = [pack_items(print_.items) for print_ in prints]
    bit_rates = [print_.bit_rate for print_ in prints]
    sketches = [sketch(print_.items) for print_ in prints]
    catalog.execute("insert into prints select unnest(?), unnest(?)", [names, packed])
    catalog.execute(
        """
        insert into print_keys select track_id, unnest(keys), unnest(positions) from (
            select unnest(?) as track_id, unnest(?::uinteger[][]) as keys,
                unnest(?::integer[][]) as positions)
        """,
        [
            names,
            [sketch.keys.tolist() for sketch in sketches],
            [sketch.positions.tolist() for sketch in sketches],
        ],
    )
    catalog.execute(
        """
        update tracks set bit_rate = probed.bit_rate
        from (select unnest(?) as track_id, unnest(?) as bit_rate) as probed
        where tracks.track_id = probed.track_id and tracks.bit_rate <> probed.bit_rate
        """,
        [names, bit_rates],
    )


def _cut_searches(
    catalog: DuckDBPyConnection, prints: Sequence[Print]
) -> Iterator[dict[str, Items]]:
    """Give the songs to look up, some at a time; those of the built-in library are not."""
    items = {print_.track_id: print_.items for print_ in prints}
    statement = """
        select track_id from tracks where not is_builtin and track_id in (select unnest(?))
        order by track_id
    """
    names = [row["track_id"] for row in fetch_rows(catalog, statement, [list(items)])]
    for first in range(0, len(names), SONGS_PER_SEARCH):
        yield {name: items[name] for name in names[first : first + SONGS_PER_SEARCH]}


_SHARED_KEYS = f"""
    with wanted as (select unnest($1::uinteger[]) as key),
    shared as materialized (
        select key from print_keys semi join wanted using (key)
        group by key having count(*) between 2 and {MOST_HOLDERS}),
    builtin as (select track_id from tracks where is_builtin)
    select key, position, hash(track_id) as song
    from print_keys semi join shared using (key) anti join builtin using (track_id)
"""


def _find_copies(catalog: DuckDBPyConnection, wanted: Mapping[str, Items]) -> set[Copy]:
    """Search for copies of songs among all; similarity alone decides on what the keys find."""
    candidates = _find_by_keys(catalog, wanted)
    statement = """
        select track_id, hash(track_id) as song, items from prints
        where hash(track_id) in (select unnest(?::ubigint[]))
    """
    songs = sorted({song for found in candidates.values() for song in found})
    rows = {row["song"]: row for row in fetch_rows(catalog, statement, [songs])}
    others = {song: (row["track_id"], unpack_items(row["items"])) for song, row in rows.items()}
    return {
        copy
        for track_id, found in candidates.items()
        for song in found
        for copy in _compare((track_id, wanted[track_id]), others[song])
    }


def _find_by_keys(catalog: DuckDBPyConnection, wanted: Mapping[str, Items]) -> dict[str, list[int]]:
    """Give for each song the hashes of those that share several keys with it at one offset."""
    sketches = {track_id: sketch(items) for track_id, items in wanted.items()}
    keys = np.unique(np.concatenate([own.keys for own in sketches.values()]))
    rows = catalog.execute(_SHARED_KEYS, [keys.tolist()]).fetchnumpy()
    hashes, songs = np.unique(rows["song"], return_inverse=True)
    index = order_keys(rows["key"], songs, rows["position"].astype(np.int64))
    return {
        track_id: hashes[find_candidates(index, own)].tolist() for track_id, own in sketches.items()
    }


def _compare(one: tuple[str, Items], other: tuple[str, Items]) -> Iterator[Copy]:
    """Give the pair if both are one recording and not the same track."""
    (track_id, items), (other_id, other_items) = sorted((one, other), key=lambda song: song[0])
    match = similarity(items, other_items)
    if track_id != other_id and match.similarity >= SAME_RECORDING:
        yield Copy(
            track_id=track_id,
            other_id=other_id,
            similarity=match.similarity,
            offset_s=match.offset_items * ITEM_S,
        )

"""Fingerprints in the catalog, and the search for duplicates of a recording among them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from genre_core.records import Track
from genre_core.signal.fingerprints import (
    FINGERPRINT_VERSION,
    ITEM_S,
    MAX_SONGS_PER_KEY,
    SAME_RECORDING,
    Items,
    find_candidates,
    order_keys,
    select_keys,
    similarity,
)
from storage.catalog.connection import (
    Catalog,
    fetch_records,
    fetch_rows,
    fetch_values,
    insert_rows,
    registered,
)

SONGS_PER_SEARCH = 512  # a wave; bounds what keys that many songs share may cost in memory
_STORED_ITEM = np.dtype("<u4")

_SHARED_KEYS = f"""
    with wanted as (select unnest($1::uinteger[]) as key),
    shared as materialized (
        select key from fingerprint_keys semi join wanted using (key)
        group by key having count(*) between 2 and {MAX_SONGS_PER_KEY}),
    builtin as (select track_id from tracks where is_builtin)
    select key, position, hash(track_id) as song
    from fingerprint_keys semi join shared using (key) anti join builtin using (track_id)
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fingerprint:
    """The fingerprint of a track: uint32 [shape=(n_items,)], empty if the song has none."""

    track_id: str
    items: Items


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Two tracks of one recording, the smaller id first.

    ``offset_s`` is positive if the beginning of the other was cut.
    """

    track_id: str
    other_id: str
    similarity: float
    offset_s: float


def drop_stale_fingerprints(catalog: Catalog) -> None:
    """Remove the fingerprints of other versions; the duplicates that they found stay."""
    stale = "select track_id from fingerprints where version <> ?"
    if track_ids := fetch_values(catalog, stale, [FINGERPRINT_VERSION]):
        for table in ("fingerprint_keys", "fingerprints"):
            statement = f"delete from {table} where track_id in (select unnest(?))"
            catalog.execute(statement, [track_ids])


def select_unfingerprinted(catalog: Catalog) -> list[Track]:
    """Tracks without a fingerprint."""
    statement = """
        select * exclude (added_at) from tracks anti join fingerprints using (track_id)
        order by track_id
    """
    return fetch_records(catalog, Track, statement)


def record_fingerprints(catalog: Catalog, fingerprints: Sequence[Fingerprint]) -> int:
    """Record fingerprints and the duplicates found by them; return the number of new pairs.

    Songs of the built-in library are never matched. The keys of all songs are scanned twice
    for each 512 new songs, as plain numbers; of the rest only what shares keys is read.
    """
    if not fingerprints:
        return 0
    _insert_fingerprints(catalog, fingerprints)
    items = {one.track_id: one.items for one in fingerprints}
    statement = """
        select track_id from tracks where not is_builtin and track_id in (select unnest(?))
        order by track_id
    """
    names = fetch_values(catalog, statement, [list(items)])
    found: set[Duplicate] = set()
    for first in range(0, len(names), SONGS_PER_SEARCH):
        batch = names[first : first + SONGS_PER_SEARCH]
        found |= _find_duplicates(catalog, {name: items[name] for name in batch})
    rows = [asdict(pair) for pair in found]
    insert_rows(catalog, "duplicates", rows, "on conflict do nothing")
    return len(rows)


def _insert_fingerprints(catalog: Catalog, fingerprints: Sequence[Fingerprint]) -> None:
    rows = [
        {
            "track_id": one.track_id,
            "items": one.items.astype(_STORED_ITEM).tobytes(),
            "version": FINGERPRINT_VERSION,
        }
        for one in fingerprints
    ]
    insert_rows(catalog, "fingerprints", rows)
    selected = [select_keys(one.items) for one in fingerprints]
    track_ids = [one.track_id for one in fingerprints]
    keys = {
        "track_id": np.repeat(track_ids, [len(own.keys) for own in selected]),
        "key": np.concatenate([own.keys for own in selected]),
        "position": np.concatenate([own.positions for own in selected]),
    }
    with registered(catalog, "new_keys", keys):
        catalog.execute("insert into fingerprint_keys by name select * from new_keys")


def _find_duplicates(catalog: Catalog, wanted: Mapping[str, Items]) -> set[Duplicate]:
    """Search for duplicates among all songs; similarity decides on what the keys find."""
    candidates = _find_by_keys(catalog, wanted)
    statement = """
        select track_id, hash(track_id) as song, items from fingerprints
        where hash(track_id) in (select unnest(?::ubigint[]))
    """
    songs = sorted({song for found in candidates.values() for song in found})
    rows = fetch_rows(catalog, statement, [songs])
    others = {
        row["song"]: (row["track_id"], np.frombuffer(row["items"], _STORED_ITEM).astype(np.uint32))
        for row in rows
    }
    pairs = (
        _compare((track_id, wanted[track_id]), others[song])
        for track_id, found in candidates.items()
        for song in found
    )
    return {pair for pair in pairs if pair}


def _find_by_keys(catalog: Catalog, wanted: Mapping[str, Items]) -> dict[str, list[int]]:
    """For each song, the hashes of those that share several keys with it at one offset."""
    selected = {track_id: select_keys(items) for track_id, items in wanted.items()}
    keys = np.unique(np.concatenate([own.keys for own in selected.values()]))
    rows = catalog.execute(_SHARED_KEYS, [keys.tolist()]).fetchnumpy()
    hashes, songs = np.unique(rows["song"], return_inverse=True)
    index = order_keys(rows["key"], songs, rows["position"].astype(np.int64))
    return {
        track_id: hashes[find_candidates(index, own)].tolist() for track_id, own in selected.items()
    }


def _compare(one: tuple[str, Items], other: tuple[str, Items]) -> Duplicate | None:
    """Pair two tracks if they are one recording and not the same track."""
    (track_id, items), (other_id, other_items) = sorted((one, other), key=lambda song: song[0])
    match = similarity(items, other_items)
    if track_id == other_id or match.similarity < SAME_RECORDING:
        return None
    return Duplicate(
        track_id=track_id,
        other_id=other_id,
        similarity=match.similarity,
        offset_s=match.offset_items * ITEM_S,
    )

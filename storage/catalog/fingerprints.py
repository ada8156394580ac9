"""Fingerprints in the catalog, and the search for duplicates of a recording among them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from genre_core.records import Track
from genre_core.signal.fingerprints import (
    FINGERPRINT_VERSION,
    ITEM_S,
    MAX_SONGS_PER_KEY,
    N_KEYED_ITEMS,
    SAME_RECORDING,
    Items,
    LookupKeys,
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

_REPLACED = """
    on conflict do update set items = excluded.items, version = excluded.version,
        is_partial = excluded.is_partial, is_doubtful = excluded.is_doubtful
"""
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
    """The fingerprint of a track: uint32 [shape=(n_items,)], empty if the song has none.

    A partial one is that of the first minute of a song that lasts longer.
    """

    track_id: str
    items: Items
    is_partial: bool = False


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


def select_doubtful(catalog: Catalog) -> list[Track]:
    """Tracks whose partial fingerprint shares keys with another: the full ones decide."""
    statement = """
        select * exclude (added_at) from tracks semi join (from fingerprints where is_doubtful)
        using (track_id) order by track_id
    """
    return fetch_records(catalog, Track, statement)


def record_fingerprints(catalog: Catalog, fingerprints: Sequence[Fingerprint]) -> int:
    """Record fingerprints and the duplicates found by them; return the number of new pairs.

    A full fingerprint replaces a partial one. Keys are those of the first minute; two songs that
    share several are compared by their full fingerprints, and doubtful until both are recorded.
    Songs of the built-in library are never matched. The keys of all songs are scanned twice
    for each 512 new songs, as plain numbers; of the rest only what shares keys is read.
    """
    if not fingerprints:
        return 0
    _insert_fingerprints(catalog, fingerprints)
    wanted = {one.track_id: one for one in fingerprints}
    statement = """
        select track_id from tracks where not is_builtin and track_id in (select unnest(?))
        order by track_id
    """
    names = fetch_values(catalog, statement, [list(wanted)])
    found: set[Duplicate] = set()
    for first in range(0, len(names), SONGS_PER_SEARCH):
        batch = names[first : first + SONGS_PER_SEARCH]
        found |= _find_duplicates(catalog, {name: wanted[name] for name in batch})
    rows = [asdict(pair) for pair in found]
    insert_rows(catalog, "duplicates", rows, "on conflict do nothing")
    return len(rows)


def _insert_fingerprints(catalog: Catalog, fingerprints: Sequence[Fingerprint]) -> None:
    rows = [
        {
            "track_id": one.track_id,
            "items": one.items.astype(_STORED_ITEM).tobytes(),
            "version": FINGERPRINT_VERSION,
            "is_partial": one.is_partial,
            "is_doubtful": False,
        }
        for one in fingerprints
    ]
    track_ids = [one.track_id for one in fingerprints]
    statement = "select track_id from fingerprints where track_id in (select unnest(?))"
    keyed = set(fetch_values(catalog, statement, [track_ids]))
    insert_rows(catalog, "fingerprints", rows, _REPLACED)
    if new := [one for one in fingerprints if one.track_id not in keyed]:
        _insert_keys(catalog, new)


def _insert_keys(catalog: Catalog, fingerprints: Sequence[Fingerprint]) -> None:
    selected = [_select_keys(one) for one in fingerprints]
    track_ids = [one.track_id for one in fingerprints]
    keys = {
        "track_id": np.repeat(track_ids, [len(own.keys) for own in selected]),
        "key": np.concatenate([own.keys for own in selected]),
        "position": np.concatenate([own.positions for own in selected]),
    }
    with registered(catalog, "new_keys", keys):
        catalog.execute("insert into fingerprint_keys by name select * from new_keys")


def _select_keys(one: Fingerprint) -> LookupKeys:
    return select_keys(one.items[:N_KEYED_ITEMS])


def _find_duplicates(catalog: Catalog, wanted: Mapping[str, Fingerprint]) -> set[Duplicate]:
    """Search for duplicates among all songs; full fingerprints decide on what the keys find."""
    candidates = _find_by_keys(catalog, wanted)
    songs = sorted({song for found in candidates.values() for song in found})
    others = _read_fingerprints(catalog, songs)
    pairs = [
        (wanted[track_id], others[song])
        for track_id, found in candidates.items()
        for song in found
        if others[song].track_id != track_id
    ]
    partial = {one.track_id for pair in pairs for one in pair if one.is_partial}
    if partial:
        statement = (
            "update fingerprints set is_doubtful = true where track_id in (select unnest(?))"
        )
        catalog.execute(statement, [sorted(partial)])
    compared = (_compare(*pair) for pair in pairs if not any(one.is_partial for one in pair))
    return {duplicate for duplicate in compared if duplicate}


def _read_fingerprints(catalog: Catalog, songs: Sequence[int]) -> dict[int, Fingerprint]:
    """Fingerprints by the hash of their track."""
    statement = """
        select track_id, hash(track_id) as song, items, is_partial from fingerprints
        where hash(track_id) in (select unnest(?::ubigint[]))
    """
    return {
        row["song"]: Fingerprint(
            track_id=row["track_id"],
            items=np.frombuffer(row["items"], _STORED_ITEM).astype(np.uint32),
            is_partial=row["is_partial"],
        )
        for row in fetch_rows(catalog, statement, [songs])
    }


def _find_by_keys(catalog: Catalog, wanted: Mapping[str, Fingerprint]) -> dict[str, list[int]]:
    """For each song, the hashes of those that share several keys with it at one offset."""
    selected = {track_id: _select_keys(one) for track_id, one in wanted.items()}
    keys = np.unique(np.concatenate([own.keys for own in selected.values()]))
    rows = catalog.execute(_SHARED_KEYS, [keys.tolist()]).fetchnumpy()
    hashes, songs = np.unique(rows["song"], return_inverse=True)
    index = order_keys(rows["key"], songs, rows["position"].astype(np.int64))
    return {
        track_id: hashes[find_candidates(index, own)].tolist() for track_id, own in selected.items()
    }


def _compare(one: Fingerprint, other: Fingerprint) -> Duplicate | None:
    """Pair two tracks if they are one recording."""
    one, other = sorted((one, other), key=lambda song: song.track_id)
    match = similarity(one.items, other.items)
    if match.similarity < SAME_RECORDING:
        return None
    return Duplicate(
        track_id=one.track_id,
        other_id=other.track_id,
        similarity=match.similarity,
        offset_s=match.offset_items * ITEM_S,
    )

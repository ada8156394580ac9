"""Snapshots: the tracks, genres and splits that models are trained on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from genre_core.dataset.groups import join_artists
from genre_core.digests import digest_document, digest_list
from genre_core.errors import CatalogMismatch, UsageError
from genre_core.records import (
    LEARNING_SPLITS,
    SnapshotChoice,
    Split,
    counted,
)
from genre_core.representations.features import FeatureConfig
from storage.catalog.connection import (
    Catalog,
    fetch_map,
    fetch_rows,
    fetch_values,
    insert_rows,
    open_catalog,
    registered,
)
from storage.catalog.instance import quote
from storage.catalog.query import query_rows
from storage.catalog.songs import read_artists
from storage.home import DataLayout

ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The tracks, genres, splits and feature key of a training set.

    ``library_id`` digests tracks, genres and splits alone: snapshots of several lengths or
    representations that share it have the same songs in the same subsets.
    """

    snapshot_id: str
    feature_key: str
    library_id: str
    genres: tuple[str, ...]
    seed: int
    n_tracks: int
    n_examples: int

    def __str__(self) -> str:
        songs, genres = counted(self.n_tracks, "song"), counted(len(self.genres), "genre")
        return f"snapshot {self.snapshot_id} ({songs} of {genres})"


NEWEST = SnapshotChoice()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A track of a snapshot: its genre and its subset."""

    track_id: str
    genre: str
    split: Split


def record_snapshot(
    catalog: Catalog,
    feature_key: str,
    track_ids: Sequence[str],
    seed: int,
    *,
    all_genres: bool = True,
    for_train: bool = False,
) -> Snapshot:
    """Freeze those of the tracks that are assigned and have examples under a feature key.

    The same tracks in the same subsets give the same snapshot. Golden songs are never among them.
    ``all_genres``: the genres were not restricted. ``for_train``: it is the newest from now on.
    """
    with registered(catalog, "chosen", {"track_id": list(track_ids)}):
        catalog.execute(_MEMBERS, [feature_key])
    library_id = _digest_members(catalog, "from members order by track_id")
    counted = catalog.execute("select count(*), coalesce(sum(n_fragments), 0)::bigint from members")
    n_tracks, n_examples = counted.fetchone()
    snapshot = Snapshot(
        snapshot_id=digest_document([library_id, feature_key]),
        feature_key=feature_key,
        library_id=library_id,
        genres=tuple(fetch_values(catalog, "select distinct genre from members order by genre")),
        seed=seed,
        n_tracks=n_tracks,
        n_examples=n_examples,
    )
    document = asdict(snapshot) | {"genres": list(snapshot.genres), "all_genres": all_genres}
    insert_rows(catalog, "snapshots", [document], _ON_CONFLICT)
    if for_train:
        statement = "update snapshots set used_at = now() where snapshot_id = ?"
        catalog.execute(statement, [snapshot.snapshot_id])
    statement = "select count(*) from snapshot_tracks where snapshot_id = ?"
    if fetch_values(catalog, statement, [snapshot.snapshot_id]) != [n_tracks]:
        catalog.execute(_INSERT_MEMBERS, [snapshot.snapshot_id])
    catalog.execute("drop table members")
    return snapshot


def _digest_members(catalog: Catalog, members: str) -> str:
    """Digest tracks, genres and splits as `digest_document` digests a list of them, in parts."""
    cursor = catalog.execute(f"select track_id, genre, split {members}")
    return digest_list(iter(lambda: cursor.fetchmany(ROWS_AT_ONCE), []))


def find_snapshot(catalog: Catalog, snapshot_id: str) -> Snapshot | None:
    """Return a snapshot, if the catalog has it."""
    rows = fetch_rows(
        catalog, f"select {_COLUMNS} from snapshots where snapshot_id = ?", [snapshot_id]
    )
    return as_snapshot(rows[0]) if rows else None


def has_snapshot(catalog: Catalog, beginning: str) -> bool:
    """Whether the id of a snapshot begins like this."""
    statement = "select count(*) > 0 from snapshots where starts_with(snapshot_id, ?)"
    return bool(fetch_values(catalog, statement, [beginning])[0])


def read_snapshot(catalog: Catalog, snapshot_id: str) -> Snapshot:
    """Return a complete snapshot; raises `CatalogMismatch` if it or tracks of it are gone."""
    snapshot = find_snapshot(catalog, snapshot_id)
    members = f"from snapshot_tracks where snapshot_id = {quote(snapshot_id)} order by track_id"
    library_id = _digest_members(catalog, members)
    if snapshot is None or digest_document([library_id, snapshot.feature_key]) != snapshot_id:
        raise CatalogMismatch(f"Snapshot {snapshot_id} is incomplete: songs of it are gone.")
    return snapshot


def choose_snapshot(
    catalog: Catalog, choice: SnapshotChoice, *, is_embedding: bool | None = None
) -> Snapshot | None:
    """Return the snapshot of a choice; None if there is none yet.

    ``is_embedding`` restricts it to embeddings or to spectrograms. Raises `UsageError` if the
    choice names a snapshot that does not exist.
    """
    source = "snapshots join features using (feature_key) where"
    if is_embedding is not None:
        source += f" (settings ->> 'embedding' is not null) = {is_embedding} and"
    return _first(fetch_rows(catalog, _CHOICE.format(source), _parameters(choice)), choice)


def resolve_snapshot(layout: DataLayout, choice: SnapshotChoice) -> Snapshot:
    """Return the snapshot of a choice; raises `UsageError` if there is none."""
    snapshot = None
    if layout.catalog.exists():
        with open_catalog(layout) as catalog:
            snapshot = choose_snapshot(catalog, choice)
    if snapshot is None:
        raise UsageError(f"There is no snapshot in {layout.home} yet. Run `genreflow train` first.")
    return snapshot


def choose_published(layout: DataLayout, choice: SnapshotChoice) -> Snapshot | None:
    """Return the same from the published store, which no flow locks."""
    rows = query_rows(layout, _CHOICE.format("snapshots where"), _parameters(choice))
    return _first(rows, choice)


def read_newest_snapshots(
    catalog: Catalog, feature_keys: Sequence[str], genres: Sequence[str] = ()
) -> list[Snapshot]:
    """Return the newest snapshot of these genres (empty: all) under each key that has one."""
    statement = f"""
        select {_COLUMNS} from snapshots
        where feature_key in (select unnest($1::varchar[])) and {HAS_GENRES}
        qualify row_number() over (partition by feature_key order by {NEWEST_FIRST}) = 1
    """
    rows = fetch_rows(catalog, statement, [list(feature_keys), list(genres)])
    found = {row["feature_key"]: as_snapshot(row) for row in rows}
    return [found[key] for key in feature_keys if key in found]


def read_features(catalog: Catalog, feature_key: str) -> FeatureConfig:
    """Return the feature settings of a key."""
    statement = "select settings from features where feature_key = ?"
    return FeatureConfig.from_document(
        json.loads(fetch_values(catalog, statement, [feature_key])[0])
    )


def read_placements(catalog: Catalog, snapshot_id: str) -> list[Placement]:
    """Return the tracks of a snapshot with their genres and subsets."""
    statement = """
        select track_id, genre, split from snapshot_tracks where snapshot_id = ? order by track_id
    """
    rows = fetch_rows(catalog, statement, [snapshot_id])
    return [Placement(**{**row, "split": Split(row["split"])}) for row in rows]


def count_placements(catalog: Catalog, snapshot_id: str) -> dict[tuple[str, Split], int]:
    """Count the tracks of a snapshot by genre and subset."""
    statement = """
        select genre, split, count(*) from snapshot_tracks where snapshot_id = ? group by all
    """
    rows = catalog.execute(statement, [snapshot_id]).fetchall()
    return {(genre, Split(split)): n_tracks for genre, split, n_tracks in rows}


def read_groups(catalog: Catalog, snapshot_id: str) -> dict[str, str]:
    """Return the group of each track of a snapshot, which intervals resample."""
    statement = "select track_id, group_id from snapshot_tracks where snapshot_id = ?"
    return fetch_map(catalog, statement, [snapshot_id])


def read_fold_groups(catalog: Catalog, snapshot_id: str) -> dict[str, str]:
    """Return the group of each track for cross-validation: artists, also in a genre by song."""
    group_of, artists = read_groups(catalog, snapshot_id), read_artists(catalog)
    joined = join_artists(list(group_of.values()), [artists.get(track, ()) for track in group_of])
    return dict(zip(group_of, joined, strict=True))


def count_split_examples(catalog: Catalog, snapshot: Snapshot) -> dict[Split, int]:
    """Count the examples of a snapshot in each subset, without reading them."""
    statement = """
        select split, sum(n_fragments)::bigint from snapshot_tracks
        join extracted using (track_id) where snapshot_id = ? and feature_key = ? group by split
    """
    counts = fetch_map(catalog, statement, [snapshot.snapshot_id, snapshot.feature_key])
    return {split: counts.get(str(split), 0) for split in LEARNING_SPLITS}


def as_snapshot(row: Mapping[str, Any]) -> Snapshot:
    """Return a row of ``snapshots`` as a record; other columns are dropped."""
    fields = {name: row[name] for name in Snapshot.__dataclass_fields__}
    return Snapshot(**fields | {"genres": tuple(row["genres"])})


def _first(rows: Sequence[Mapping[str, Any]], choice: SnapshotChoice) -> Snapshot | None:
    if not rows and choice.snapshot_id:
        raise UsageError(
            f"There is no snapshot {choice.snapshot_id}. "
            '`genreflow sql "select snapshot_id, created_at, n_tracks from snapshots"` lists them.'
        )
    return as_snapshot(rows[0]) if rows else None


def _parameters(choice: SnapshotChoice) -> list[Any]:
    return [value if isinstance(value, str) else list(value) for value in asdict(choice).values()]


_COLUMNS = "snapshot_id, feature_key, library_id, genres, seed, n_tracks, n_examples"

_ON_CONFLICT = """
    on conflict (snapshot_id) do update
    set all_genres = snapshots.all_genres or excluded.all_genres
"""

NEWEST_FIRST = "used_at desc nulls last, created_at desc"
"""The order of snapshots: that of the last `train` first, those of studies alone last.

A library that changes back has its old snapshot again, which is then the newest.
"""

HAS_GENRES = """
    if(len($2::varchar[]) = 0, all_genres, list_sort(genres) = list_sort($2::varchar[]))
"""
"""Whether a snapshot has exactly the genres of the settings; of no settings, all that there are."""

_CHOICE = f"""
    select {_COLUMNS} from {{}} starts_with(snapshot_id, $1)
    order by {HAS_GENRES} desc,
        (representation in (select unnest($4::varchar[])) or (
            representation in (select unnest($3::varchar[]))
            and fragment_s in (select unnest($5::double[])))) desc,
        {NEWEST_FIRST}
    limit 1
"""


_MEMBERS = """
    create temp table members as
    select track_id, tracks.genre, split, group_id, split_level, n_fragments
    from assignments join extracted using (track_id) join tracks using (track_id)
        semi join chosen using (track_id)
    where feature_key = ? and split <> 'golden'
    order by track_id
"""

_INSERT_MEMBERS = """
    insert into snapshot_tracks by name select ? as snapshot_id, * exclude (n_fragments)
    from members order by track_id on conflict do nothing
"""

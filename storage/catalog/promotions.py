"""Challenges of the champion: who was judged on which songs, and what was decided."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.catalog.runs import Prediction, Promotion, Run
from storage.catalog.snapshots import IN_LIBRARY
from storage.home import DataLayout

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """One judged challenge, promoted or not; the columns are those of `Promotion`."""

    run_id: str
    previous_run_id: str | None
    snapshot_id: str
    promoted: bool
    reason: str
    who: str
    judged_on: str
    n_songs: int
    macro_f1: float | None
    macro_f1_low: float | None
    macro_f1_high: float | None
    previous_macro_f1: float | None
    previous_macro_f1_low: float | None
    previous_macro_f1_high: float | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    audit_id: str
    audit_verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredSong:
    """A song that champion and challenger are judged on."""

    track_id: str
    genre: str
    group_id: str
    split: str


def record_challenge(layout: DataLayout, challenge: Challenge) -> None:
    """Add a challenge, unless the last one of the same two says the same."""
    row = asdict(challenge)
    last = read_last_challenge(layout, challenge.run_id, challenge.previous_run_id)
    same = ("promoted", "judged_on", "reason", "audit_id", "audit_verdict")
    if last and all(getattr(last, name) == row[name] for name in same):
        return
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "challenges", [row])


def read_last_challenge(
    layout: DataLayout, run_id: str, previous_run_id: str | None
) -> Challenge | None:
    """Give what was decided last of a challenger and a champion."""
    statement = """
        select * exclude (challenge_id, judged_at) from challenges
        where run_id = ? and previous_run_id is not distinct from ?
        order by challenge_id desc limit 1
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [run_id, previous_run_id])
    return Challenge(**rows[0]) if rows else None


def read_validation_songs(
    layout: DataLayout, snapshot_id: str, former_id: str = ""
) -> list[ScoredSong]:
    """Give the validation songs of a snapshot.

    Those of a former snapshot are added whose genre the snapshot lacks, as far as they are still
    in the store under that genre.
    """
    statement = """
        with own as (select * from snapshot_tracks where snapshot_id = $1)
        select track_id, genre, group_id, split from own where split = 'validation'
        union all
        select track_id, genre, group_id, split from snapshot_tracks
            semi join tracks using (track_id, genre) anti join own using (genre)
        where snapshot_id = $2 and split = 'validation' order by track_id
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [snapshot_id, former_id])
    return [ScoredSong(**row) for row in rows]


def read_golden_songs(layout: DataLayout, version: int, genres: Sequence[str]) -> list[ScoredSong]:
    """Give the songs of a frozen version that are of these genres and still in the store.

    One that another copy stands for, perhaps where it is learned from, judges no more.
    """
    statement = """
        select track_id, golden_songs.genre, group_id, split
        from golden_songs join assignments using (track_id) semi join tracks using (track_id)
        where version = ? and golden_songs.genre in (select unnest(?))
            and track_id not in (select track_id from excluded_tracks) order by track_id
    """
    with open_catalog(layout) as catalog:
        return [ScoredSong(**r) for r in fetch_rows(catalog, statement, [version, list(genres)])]


def read_predictable(layout: DataLayout, run_id: str, track_ids: Sequence[str]) -> set[str]:
    """Give those of these songs that have examples under the feature key of a run."""
    statement = """
        select track_id from extracted where track_id in (select unnest($2)) and feature_key = (
            select feature_key from runs join snapshots using (snapshot_id) where run_id = $1)
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [run_id, list(track_ids)])
    return {row["track_id"] for row in rows}


def read_predicted(layout: DataLayout, run_id: str, track_ids: Sequence[str]) -> dict[str, str]:
    """Give what a run was recorded to take these songs for."""
    statement = """
        select track_id, predicted from predictions
        where run_id = ? and track_id in (select unnest(?))
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [run_id, list(track_ids)])
    return {row["track_id"]: row["predicted"] for row in rows}


def record_predictions(layout: DataLayout, predictions: Sequence[Prediction]) -> None:
    """Record what a run says of songs; what was recorded before stays."""
    rows = [prediction.as_row() for prediction in predictions]
    with open_catalog(layout) as catalog:
        insert_rows(catalog, "predictions", rows, "on conflict do nothing")


def read_staleness(layout: DataLayout, new_id: str, old_id: str) -> float:
    """Give the share of the songs of a new snapshot that an old one lacks."""
    statement = """
        select coalesce(avg((track_id not in (
            select track_id from snapshot_tracks where snapshot_id = $2))::integer), 0) as share
        from snapshot_tracks where snapshot_id = $1
    """
    with open_catalog(layout) as catalog:
        return float(fetch_rows(catalog, statement, [new_id, old_id])[0]["share"])


def read_candidate_runs(layout: DataLayout) -> list[Run]:
    """Give the runs on the library used last that may challenge: none from before a rollback.

    Who rolls back is content with no run that there was; the next challenger is a new training.
    """
    statement = """
        select runs.* from runs join snapshots using (snapshot_id)
        where library_id = (select arg_max(library_id, used_at) from snapshots)
            and (started_at > coalesce((select max(promoted_at) from promotions
                    where kind = 'rollback'), '-infinity'::timestamptz)
                or run_id = (select arg_max(run_id, promotion_id) from promotions))
        order by started_at
    """
    with open_catalog(layout) as catalog:
        return [Run(**row) for row in fetch_rows(catalog, statement)]


def read_promotion_of(layout: DataLayout, version: int) -> Promotion | None:
    """Give the last promotion, not rollback, that put a version in use."""
    statement = """
        select * exclude (promotion_id, promoted_at) from promotions
        where version = ? and kind = 'promotion' order by promotion_id desc limit 1
    """
    with open_catalog(layout) as catalog:
        rows: list[dict[str, Any]] = fetch_rows(catalog, statement, [version])
    return Promotion(**rows[0]) if rows else None


FEWEST_SONGS = 2
"""So many golden songs every genre needs before the first version is frozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """A frozen version: the genre of each of its songs, by track id."""

    version: int
    genre_of_track: Mapping[str, str]

    @property
    def name(self) -> str:
        """What promotions say that they were judged on."""
        return f"golden {self.version}"

    @property
    def n_songs(self) -> dict[str, int]:
        """The number of songs of each genre."""
        return dict(sorted(Counter(self.genre_of_track.values()).items()))


def read_golden(layout: DataLayout) -> Golden | None:
    """Give the newest frozen version; none before the first."""
    versions = read_golden_versions(layout)
    return versions[-1] if versions else None


def read_golden_versions(layout: DataLayout) -> list[Golden]:
    """Give all frozen versions, the first one first."""
    with open_catalog(layout) as catalog:
        return _versions(catalog)


def read_waiting(layout: DataLayout) -> Golden:
    """Give the songs that stand in golden places now, as the version that they would become."""
    with open_catalog(layout) as catalog:
        return _waiting(catalog)


def read_split_by_song(layout: DataLayout) -> dict[str, int]:
    """Count the songs in golden places that do not stand there with all songs of their artist."""
    statement = """
        select genre, count(*) as n from assignments
        where split = 'golden' and split_level = 'song' group by genre order by genre
    """
    with open_catalog(layout) as catalog:
        return {row["genre"]: row["n"] for row in fetch_rows(catalog, statement)}


def freeze_golden(layout: DataLayout) -> Golden | None:
    """Freeze the first version, once every genre has two golden songs; give the newest one."""
    with open_catalog(layout) as catalog:
        versions, waiting = _versions(catalog), _waiting(catalog)
        genres = {row["genre"] for row in fetch_rows(catalog, _GENRES)}
        enough = all(waiting.n_songs.get(genre, 0) >= FEWEST_SONGS for genre in genres)
        if versions or not genres or not enough:
            return versions[-1] if versions else None
        return _freeze(catalog, waiting)


def renew_golden(layout: DataLayout) -> Golden | None:
    """Freeze what stands in golden places now as the next version; none if nothing differs."""
    with open_catalog(layout) as catalog:
        versions, waiting = _versions(catalog), _waiting(catalog)
        known = versions[-1].genre_of_track if versions else {}
        if waiting.genre_of_track == known:
            return None
        return _freeze(catalog, waiting)


def _freeze(catalog: DuckDBPyConnection, golden: Golden) -> Golden:
    rows = [
        {"version": golden.version, "track_id": track_id, "genre": genre}
        for track_id, genre in golden.genre_of_track.items()
    ]
    insert_rows(catalog, "golden_songs", rows)
    return golden


def _versions(catalog: DuckDBPyConnection) -> list[Golden]:
    statement = "select version, track_id, genre from golden_songs order by version, track_id"
    found: dict[int, dict[str, str]] = {}
    for row in fetch_rows(catalog, statement):
        found.setdefault(row["version"], {})[row["track_id"]] = row["genre"]
    return [Golden(version=version, genre_of_track=songs) for version, songs in found.items()]


def _waiting(catalog: DuckDBPyConnection) -> Golden:
    statement = "select coalesce(max(version), 0)::integer + 1 as version from golden_songs"
    songs = {row["track_id"]: row["genre"] for row in fetch_rows(catalog, _STANDING)}
    version = fetch_rows(catalog, statement)[0]["version"]
    return Golden(version=version, genre_of_track=songs)


_GENRES = f"""
    select distinct tracks.genre from assignments join tracks using (track_id)
    where track_id not in (select track_id from excluded_tracks) and {IN_LIBRARY}
"""

_STANDING = f"""
    select track_id, tracks.genre from assignments join tracks using (track_id)
    where split = 'golden' and track_id not in (select track_id from excluded_tracks)
        and location not in (
            select source from outcomes where reason in ('label_unknown', 'label_conflict'))
        and {IN_LIBRARY}
    order by track_id
"""

"""Recordings in the catalog: which duplicate is kept, and what waits for a decision."""

from __future__ import annotations  # nanobind reports DuckDB's types as leaks if they stay alive

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from genre_core.dataset.recordings import Claim, Settlement, group_duplicates, settle_recording
from genre_core.errors import UsageError
from genre_core.locations import show_location
from genre_core.records import Outcome, Track
from storage.catalog.connection import fetch_rows, insert_rows
from storage.fetch.download import is_gone

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MIN_ID_DIGITS = 8

CLAIMS = """
    select source, outcomes.track_id, outcomes.genre, outcomes.stage
    from outcomes join tracks using (track_id)
    where not is_builtin and outcomes.stage <> 'sources' and outcomes.reason <> 'label_unknown'
"""

_TO_SETTLE = f"""
    with claims as ({CLAIMS})
    select track_id from duplicates union select other_id from duplicates
    union select track_id from decisions union select track_id from excluded_tracks
    union select track_id from claims
        group by track_id having count(*) > 1 or bool_or(stage = 'duplicates')
    union select track_id from claims join tracks using (track_id)
        group by track_id having max(claims.genre) = '' and max(tracks.genre) <> ''
"""


def settle_recordings(catalog: DuckDBPyConnection) -> int:
    """Settle which duplicates are kept and under which genre; return how many stay undecided."""
    settlements = list(_settle_all(catalog))
    _record_excluded(catalog, settlements)
    _record_outcomes(catalog, [outcome for s in settlements for outcome in s.outcomes])
    _record_kept(catalog, [s for s in settlements if s.kept])
    return sum(not settlement.kept for settlement in settlements)


def read_recordings(catalog: DuckDBPyConnection) -> dict[str, str]:
    """The name of its recording, by track id, for every track that has duplicates."""
    rows = fetch_rows(catalog, "select track_id, other_id from duplicates")
    return group_duplicates((row["track_id"], row["other_id"]) for row in rows)


def recording_keys(catalog: DuckDBPyConnection) -> dict[str, tuple[str, ...]]:
    """The key that ties a track to its duplicates in the split, by track id."""
    recordings = read_recordings(catalog)
    return {track_id: (f"recording:{name[:12]}",) for track_id, name in recordings.items()}


def decide_genre(
    catalog: DuckDBPyConnection, song: str, genre: str, genres: Collection[str]
) -> int:
    """Record a person's decision on the genre of a recording; return its number of tracks.

    Parameters
    ----------
    song : str
        A source, or the first digits of a track id, 8 at least.
    genre : str
        One that a song of the store has, or one of ``genres``.

    Raises
    ------
    UsageError
        If the store has no such song or no such genre.
    """
    track_id = _find_track(catalog, song)
    rows = fetch_rows(catalog, f"select distinct genre from ({CLAIMS}) where genre <> ''")
    _require_genre(genre, {row["genre"] for row in rows} | set(genres))
    recordings = read_recordings(catalog)
    name = recordings.get(track_id, track_id)
    members = {track_id, *(member for member, found in recordings.items() if found == name)}
    decided = [{"track_id": member, "genre": genre} for member in sorted(members)]
    replace = "on conflict (track_id) do update set genre = excluded.genre, decided_at = now()"
    insert_rows(catalog, "decisions", decided, replace)
    settle_recordings(catalog)
    return len(members)


def _settle_all(catalog: DuckDBPyConnection) -> Iterator[Settlement]:
    recordings = read_recordings(catalog)
    track_ids = [row["track_id"] for row in fetch_rows(catalog, _TO_SETTLE)]
    claims = _read_claims(catalog, track_ids, recordings)
    rows = fetch_rows(catalog, "select track_id, genre from decisions")
    decisions = {row["track_id"]: row["genre"] for row in rows}
    members: dict[str, list[Track]] = defaultdict(list)
    for track in _read_tracks(catalog, track_ids):
        members[recordings.get(track.track_id, track.track_id)].append(track)
    for tracks in members.values():
        own = [claim for track in tracks for claim in claims[track.track_id]]
        decided = {decisions[t.track_id] for t in tracks if t.track_id in decisions}
        yield settle_recording(tracks, own, decided)


def _read_tracks(catalog: DuckDBPyConnection, track_ids: Sequence[str]) -> list[Track]:
    statement = """
        select * exclude (added_at) from tracks
        where not is_builtin and track_id in (select unnest(?)) order by track_id
    """
    return [Track(**row) for row in fetch_rows(catalog, statement, [track_ids])]


def _read_claims(
    catalog: DuckDBPyConnection, track_ids: Sequence[str], recordings: Mapping[str, str]
) -> defaultdict[str, list[Claim]]:
    """The claims of the sources, by track id."""
    statement = f"""
        select source, track_id, genre from ({CLAIMS})
        where track_id in (select unnest(?)) order by source
    """
    rows = fetch_rows(catalog, statement, [track_ids])
    sources: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        sources[recordings.get(row["track_id"], row["track_id"])].append(row["source"])
    claims: defaultdict[str, list[Claim]] = defaultdict(list)
    for row in rows:
        own = sources[recordings.get(row["track_id"], row["track_id"])]
        claim = Claim(
            location=row["source"],
            shown_location=show_location(row["source"]),
            track_id=row["track_id"],
            genre=row["genre"],
            is_gone=is_gone(row["source"], own),
        )
        claims[row["track_id"]].append(claim)
    return claims


def _record_excluded(catalog: DuckDBPyConnection, settlements: Sequence[Settlement]) -> None:
    rows = [{**asdict(one), "reason": str(one.reason)} for s in settlements for one in s.excluded]
    catalog.execute(
        "delete from excluded_tracks where track_id not in (select unnest(?::varchar[]))",
        [[row["track_id"] for row in rows]],
    )
    replace = """
        on conflict (track_id) do update set reason = excluded.reason,
            duplicate_of = excluded.duplicate_of, message = excluded.message
    """
    insert_rows(catalog, "excluded_tracks", rows, replace)


def _record_outcomes(catalog: DuckDBPyConnection, outcomes: Sequence[Outcome]) -> None:
    """Record the outcomes of duplicates; the source of a kept track keeps that of other stages."""
    rows = [
        {
            "source": outcome.location,
            "outcome": str(outcome.result),
            "stage": str(outcome.stage),
            "reason": str(outcome.reason),
            "message": outcome.message,
        }
        for outcome in outcomes
    ]
    if rows:
        catalog.execute(
            """
            update outcomes set outcome = settled.outcome, stage = settled.stage,
                reason = settled.reason, message = settled.message, updated_at = now()
            from (select unnest(?, recursive := true)) as settled
            where outcomes.source = settled.source
                and (settled.outcome <> 'ok' or outcomes.stage = 'duplicates')
                and (outcomes.outcome, outcomes.stage, outcomes.reason, outcomes.message)
                    is distinct from
                    (settled.outcome, settled.stage, settled.reason, settled.message)
            """,
            [rows],
        )


def _record_kept(catalog: DuckDBPyConnection, settlements: Sequence[Settlement]) -> None:
    """Record the settled genre for all duplicates, and the location of the kept one."""
    rows = [
        {
            "track_id": track_id,
            "genre": s.genre,
            "location": s.location if track_id == s.kept else "",
        }
        for s in settlements
        for track_id in s.track_ids
    ]
    if rows:
        catalog.execute(
            """
            update tracks set genre = coalesce(settled.genre, tracks.genre),
                location = if(settled.location = '', tracks.location, settled.location)
            from (select unnest(?, recursive := true)) as settled
            where tracks.track_id = settled.track_id and (
                settled.genre <> tracks.genre
                or settled.location not in ('', tracks.location))
            """,
            [rows],
        )


def _find_track(catalog: DuckDBPyConnection, song: str) -> str:
    statement = f"""
        select distinct track_id from ({CLAIMS})
        where source in ($1, $2) or (len($1) >= {MIN_ID_DIGITS} and starts_with(track_id, $1))
    """
    rows = fetch_rows(catalog, statement, [song, str(Path(song).absolute())])
    if len(rows) == 1:
        return rows[0]["track_id"]
    if rows:
        raise UsageError(f"{len(rows)} tracks begin with {song}. Give more digits of the id.")
    raise UsageError(
        f"The store has no song {song}. Name a source or a track id as `genreflow conflicts` or "
        "`genreflow suspects` shows it."
    )


def _require_genre(genre: str, known: Collection[str]) -> None:
    if genre not in known:
        raise UsageError(
            f"No song of the store and no setting has the genre {genre!r}. Choose one of: "
            f"{', '.join(sorted(known))}; or add it to `genres` in genreflow.toml."
        )

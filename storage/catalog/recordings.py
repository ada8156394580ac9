"""Recordings in the catalog: which copies are kept, and what waits for a decision."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from genre_core.recordings import Claim, Settlement, join_copies, settle_recording
from genre_core.records import Outcome, Track
from storage.catalog.connection import fetch_rows, insert_rows, open_catalog
from storage.download import is_gone
from storage.layout import DataLayout
from storage.web.addresses import show_location

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CLAIMS = """
    select source, outcomes.track_id, outcomes.genre, outcomes.stage
    from outcomes join tracks using (track_id)
    where not is_builtin and outcomes.stage <> 'sources' and outcomes.reason <> 'label_unknown'
"""

_TO_SETTLE = f"""
    with claims as ({CLAIMS})
    select track_id from copies union select other_id from copies
    union select track_id from decisions union select track_id from aside
    union select track_id from claims
        group by track_id having count(*) > 1 or bool_or(stage = 'duplicates')
    union select track_id from claims join tracks using (track_id)
        group by track_id having max(claims.genre) = '' and max(tracks.genre) <> ''
"""


def settle_recordings(layout: DataLayout) -> int:
    """Settle anew which copies are kept and under which genre, in one transaction.

    Returns
    -------
    int
        The number of recordings that wait for a decision.
    """
    with open_catalog(layout) as catalog:
        return settle_within(catalog)


def settle_within(catalog: DuckDBPyConnection) -> int:
    """Do what `settle_recordings` does within a transaction."""
    settlements = list(_settle_all(catalog))
    _record_aside(catalog, settlements)
    _record_outcomes(catalog, [outcome for s in settlements for outcome in s.outcomes])
    _record_kept(catalog, [s for s in settlements if s.kept])
    return sum(not settlement.kept for settlement in settlements)


def read_recordings(catalog: DuckDBPyConnection) -> dict[str, str]:
    """Give the name of its recording for every track that has copies."""
    rows = fetch_rows(catalog, "select track_id, other_id from copies")
    return join_copies((row["track_id"], row["other_id"]) for row in rows)


def recording_keys(catalog: DuckDBPyConnection) -> dict[str, tuple[str, ...]]:
    """Give the key that ties a track to its copies in the split, for every track that has some."""
    recordings = read_recordings(catalog)
    return {track_id: (f"recording:{name[:12]}",) for track_id, name in recordings.items()}


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
    """Give what the sources say, by track."""
    statement = f"""
        select source, track_id, genre from ({CLAIMS})
        where track_id in (select unnest(?)) order by source
    """
    rows = fetch_rows(catalog, statement, [track_ids])
    places: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        places[recordings.get(row["track_id"], row["track_id"])].append(row["source"])
    claims: defaultdict[str, list[Claim]] = defaultdict(list)
    for row in rows:
        own = places[recordings.get(row["track_id"], row["track_id"])]
        claims[row["track_id"]].append(_read_claim(row, is_gone(row["source"], own)))
    return claims


def _read_claim(row: Mapping[str, str], is_gone: bool) -> Claim:
    return Claim(
        location=row["source"],
        place=show_location(row["source"]),
        track_id=row["track_id"],
        genre=row["genre"],
        is_gone=is_gone,
    )


def _record_aside(catalog: DuckDBPyConnection, settlements: Sequence[Settlement]) -> None:
    rows = [
        {**asdict(aside), "reason": str(aside.reason)} for s in settlements for aside in s.aside
    ]
    catalog.execute(
        "delete from aside where track_id not in (select unnest(?::varchar[]))",
        [[row["track_id"] for row in rows]],
    )
    replace = """
        on conflict (track_id) do update set reason = excluded.reason,
            duplicate_of = excluded.duplicate_of, message = excluded.message
    """
    insert_rows(catalog, "aside", rows, replace)


def _record_outcomes(catalog: DuckDBPyConnection, outcomes: Sequence[Outcome]) -> None:
    """Record what copies decide; the source of a kept track keeps what came of it elsewhere."""
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
            update outcomes set outcome = ruled.outcome, stage = ruled.stage,
                reason = ruled.reason, message = ruled.message, updated_at = now()
            from (select unnest(?, recursive := true)) as ruled
            where outcomes.source = ruled.source
                and (ruled.outcome <> 'ok' or outcomes.stage = 'duplicates')
                and (outcomes.outcome, outcomes.stage, outcomes.reason, outcomes.message)
                    is distinct from (ruled.outcome, ruled.stage, ruled.reason, ruled.message)
            """,
            [rows],
        )


def _record_kept(catalog: DuckDBPyConnection, settlements: Sequence[Settlement]) -> None:
    """Give all copies the genre that was settled, and the kept one the place that stands for it."""
    rows = [
        {"track_id": track_id, "genre": s.genre, "place": s.location if track_id == s.kept else ""}
        for s in settlements
        for track_id in s.track_ids
    ]
    if rows:
        catalog.execute(
            """
            update tracks set genre = coalesce(settled.genre, tracks.genre),
                location = if(settled.place = '', tracks.location, settled.place)
            from (select unnest(?, recursive := true)) as settled
            where tracks.track_id = settled.track_id and (
                settled.genre <> tracks.genre
                or settled.place not in ('', tracks.location))
            """,
            [rows],
        )

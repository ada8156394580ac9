"""Recordings in the catalog: which duplicate is kept, and what waits for a decision."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from genre_core.dataset.recordings import Claim, Settlement, group_duplicates, settle_recording
from genre_core.errors import UsageError
from genre_core.locations import show_location
from genre_core.records import Outcome, Track
from storage.catalog.connection import (
    Catalog,
    columns_of,
    fetch_map,
    fetch_records,
    fetch_rows,
    fetch_values,
    registered,
)
from storage.sources.identity import is_gone, locations_given

MIN_ID_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoneDecision:
    """A decision on the genre of the duplicates of a recording, before it is taken back."""

    decision_id: int
    track_ids: list[str]
    genre: str
    undone_at: datetime | None


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


def settle_recordings(catalog: Catalog) -> int:
    """Settle which duplicates are kept and under which genre; return how many stay undecided."""
    settlements = list(_settle_all(catalog))
    _record_excluded(catalog, settlements)
    _record_outcomes(catalog, [outcome for s in settlements for outcome in s.outcomes])
    _record_kept(catalog, [s for s in settlements if s.kept])
    return sum(not settlement.kept for settlement in settlements)


def read_recordings(catalog: Catalog) -> dict[str, str]:
    """The name of its recording, by track id, for every track that has duplicates."""
    return group_duplicates(read_duplicates(catalog))


def read_duplicates(catalog: Catalog) -> list[tuple[str, str]]:
    """The pairs of tracks that are one recording."""
    rows = fetch_rows(catalog, "select track_id, other_id from duplicates order by all")
    return [(row["track_id"], row["other_id"]) for row in rows]


def recording_keys(catalog: Catalog) -> dict[str, tuple[str, ...]]:
    """The key that ties a track to its duplicates in the split, by track id."""
    recordings = read_recordings(catalog)
    return {track_id: (f"recording:{name[:12]}",) for track_id, name in recordings.items()}


def decide_genre(catalog: Catalog, song: str, genre: str, genres: Collection[str], who: str) -> int:
    """Record a person's decision on the genre of a recording; return its number of tracks.

    ``song`` is a source, or the first digits of a track id, 8 at least; ``genre`` one that a song
    of the store has, or one of ``genres``. Raises `UsageError` if there is no such song or genre.
    """
    track_id = _find_track(catalog, song)
    if genre not in (known := known_genres(catalog, genres)):
        raise UsageError(
            f"No song of the store and no setting has the genre {genre!r}. Choose one of: "
            f"{', '.join(sorted(known))}; or add it to `genres` in genreflow.toml."
        )
    recordings = read_recordings(catalog)
    name = recordings.get(track_id, track_id)
    members = {track_id, *(member for member, found in recordings.items() if found == name)}
    decide_recordings(catalog, [(sorted(members), genre)], who)
    return len(members)


def known_genres(catalog: Catalog, genres: Collection[str]) -> set[str]:
    """Return the genres that a decision may name: those of songs, and ``genres``."""
    claimed = fetch_values(catalog, f"select genre from ({CLAIMS}) union select genre from tracks")
    return {*claimed, *genres} - {""}


def decide_recordings(
    catalog: Catalog, choices: Sequence[tuple[Sequence[str], str]], who: str
) -> list[int]:
    """Record decisions, each on the tracks of one recording and its genre; return their ids."""
    ids = fetch_values(catalog, "select nextval('decision_ids') from range(?)", [len(choices)])
    rows = [
        {"decision_id": decision_id, "track_id": track_id, "genre": genre}
        for decision_id, (track_ids, genre) in zip(ids, choices, strict=True)
        for track_id in track_ids
    ]
    with registered(catalog, "chosen", columns_of(rows)):
        catalog.execute(_DECIDE, [who])
    settle_recordings(catalog)
    return ids


_DECIDE = """
    insert into decisions (decision_id, track_id, genre, genre_before, location_before, who)
    select chosen.decision_id, track_id, chosen.genre, tracks.genre, location, $1
    from chosen join tracks using (track_id) order by chosen.decision_id, track_id
"""


def undo_decision(catalog: Catalog, decision_id: int | None, who: str) -> UndoneDecision:
    """Take back a decision, by default the last one; return what it was.

    The recording then has what it had before: no decision, or an earlier one. A later decision
    holds. Raises `UsageError` if there is no such decision, or it was taken back before.
    """
    undone = _take_back(catalog, decision_id, who)
    settle_recordings(catalog)
    return undone


def undo_decisions(catalog: Catalog, first: int, last: int, who: str) -> list[UndoneDecision]:
    """Take back the decisions of these numbers that hold, the last one first; return them.

    Raises `UsageError` if none of them holds.
    """
    statement = """
        select distinct decision_id from decisions
        where undone_at is null and decision_id between ? and ? order by decision_id desc
    """
    ids = fetch_values(catalog, statement, [first, last])
    if not ids:
        raise UsageError(f"No decision from {first} to {last} holds.")
    undone = [_take_back(catalog, decision_id, who) for decision_id in ids]
    settle_recordings(catalog)
    return undone


def _take_back(catalog: Catalog, decision_id: int | None, who: str) -> UndoneDecision:
    rows = fetch_rows(catalog, _TO_UNDO, [decision_id])
    if not rows:
        raise UsageError(
            "There is no decision to undo."
            if decision_id is None
            else f"There is no decision {decision_id}. `genreflow decide --undo` undoes the last."
        )
    undone = UndoneDecision(**rows[0])
    if undone.undone_at is not None:
        raise UsageError(f"Decision {undone.decision_id} was undone before.")
    for statement in (_RESTORE, _HAND_ON):
        catalog.execute(statement, [undone.decision_id])
    statement = "update decisions set undone_at = now(), undone_by = $2 where decision_id = $1"
    catalog.execute(statement, [undone.decision_id, who])
    return undone


_LATER = """
    select track_id, min(decision_id) as decision_id from decisions
    where undone_at is null and decision_id > $1 group by track_id
"""

_RESTORE = f"""
    update tracks set genre = undone.genre_before, location = undone.location_before
    from (select * from decisions anti join ({_LATER}) as later using (track_id)) as undone
    where undone.decision_id = $1 and tracks.track_id = undone.track_id
"""

# what was before an undone decision is now before the next one
_HAND_ON = f"""
    update decisions set genre_before = undone.genre_before,
        location_before = undone.location_before
    from (select * from decisions where decision_id = $1) as undone,
        ({_LATER}) as later
    where undone.track_id = later.track_id
        and (decisions.decision_id, decisions.track_id) = (later.decision_id, later.track_id)
"""

_TO_UNDO = """
    select decision_id, list(track_id order by track_id) as track_ids, any_value(genre) as genre,
        any_value(undone_at) as undone_at
    from decisions
    where decision_id = coalesce($1, (
        select max(decision_id) from decisions where undone_at is null))
    group by decision_id
"""


def _settle_all(catalog: Catalog) -> Iterator[Settlement]:
    recordings = read_recordings(catalog)
    track_ids = fetch_values(catalog, _TO_SETTLE)
    decisions = fetch_map(catalog, "from decided")
    statement = """
        select * exclude (added_at) from tracks
        where not is_builtin and track_id in (select unnest(?)) order by track_id
    """
    members: dict[str, list[Track]] = defaultdict(list)
    for track in fetch_records(catalog, Track, statement, [track_ids]):
        members[recordings.get(track.track_id, track.track_id)].append(track)
    statement = f"""
        select source, track_id, genre from ({CLAIMS})
        where track_id in (select unnest(?)) order by source
    """
    claims: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in fetch_rows(catalog, statement, [track_ids]):
        claims[recordings.get(row["track_id"], row["track_id"])].append(row)
    for recording, tracks in members.items():
        decided = {decisions[t.track_id] for t in tracks if t.track_id in decisions}
        yield settle_recording(tracks, _as_claims(tracks, claims[recording]), decided)


def _as_claims(tracks: Sequence[Track], rows: Sequence[Mapping[str, str]]) -> list[Claim]:
    """The claims of the sources of a recording, by track."""
    sources = [row["source"] for row in rows]
    return [
        Claim(
            location=row["source"],
            shown_location=show_location(row["source"]),
            track_id=row["track_id"],
            genre=row["genre"],
            is_gone=is_gone(row["source"], sources),
        )
        for track in tracks
        for row in rows
        if row["track_id"] == track.track_id
    ]


def _record_excluded(catalog: Catalog, settlements: Sequence[Settlement]) -> None:
    """Record the excluded tracks; rows that stay as they are are not written."""
    rows = [asdict(one) for s in settlements for one in s.excluded]
    if not rows:
        catalog.execute("delete from excluded_tracks")
        return
    with registered(catalog, "settled", columns_of(rows)):
        for statement in _EXCLUDE:
            catalog.execute(statement)


_EXCLUDE = (
    "delete from excluded_tracks where track_id not in (select track_id from settled)",
    """
    insert into excluded_tracks by name
    select settled.* from settled anti join excluded_tracks
        using (track_id, reason, duplicate_of, message)
    on conflict (track_id) do update set reason = excluded.reason,
        duplicate_of = excluded.duplicate_of, message = excluded.message
    """,
)


def _record_outcomes(catalog: Catalog, outcomes: Sequence[Outcome]) -> None:
    """Record the outcomes of duplicates; the source of a kept track keeps that of other stages."""
    statement = """
        update outcomes set outcome = settled.result, stage = settled.stage,
            reason = settled.reason, message = settled.message, updated_at = now()
        from settled
        where outcomes.source = settled.location
            and (settled.result <> 'ok' or outcomes.stage = 'duplicates')
            and (outcomes.outcome, outcomes.stage, outcomes.reason, outcomes.message)
                is distinct from
                (settled.result, settled.stage, settled.reason, settled.message)
    """
    if outcomes:
        with registered(catalog, "settled", columns_of([asdict(one) for one in outcomes])):
            catalog.execute(statement)


def _record_kept(catalog: Catalog, settlements: Sequence[Settlement]) -> None:
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
    statement = """
        update tracks set genre = coalesce(settled.genre, tracks.genre),
            location = if(settled.location = '', tracks.location, settled.location)
        from settled
        where tracks.track_id = settled.track_id and (
            settled.genre <> tracks.genre
            or settled.location not in ('', tracks.location))
    """
    if rows:
        with registered(catalog, "settled", columns_of(rows)):
            catalog.execute(statement)


def _find_track(catalog: Catalog, song: str) -> str:
    statement = f"""
        select distinct track_id from ({CLAIMS})
        where source in ($1, $2) or (len($1) >= {MIN_ID_DIGITS} and starts_with(track_id, $1))
    """
    rows = fetch_rows(catalog, statement, locations_given(song))
    if len(rows) == 1:
        return rows[0]["track_id"]
    if rows:
        raise UsageError(f"{len(rows)} tracks begin with {song}. Give more digits of the id.")
    raise UsageError(
        f"The store has no song {song}. Name a source or a track id as `genreflow conflicts` or "
        "`genreflow suspects` shows it."
    )

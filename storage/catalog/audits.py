"""Audits with their checks, the songs that they examine, and suspect labels."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genre_core.audit.rules import Check, CheckName, Level
from genre_core.audit.songs import AuditedSong
from genre_core.dataset.suspects import Suspect
from genre_core.evaluation.bootstrap import Interval
from genre_core.records import Split
from genre_core.signal.sound import Sound
from storage.catalog.connection import Catalog, fetch_map, fetch_rows, insert_rows
from storage.catalog.query import query_rows
from storage.catalog.snapshots import Snapshot, as_snapshot
from storage.catalog.songs import read_artists
from storage.home import DataLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """One audit of a snapshot, and of the run that was the best on it."""

    audit_id: str
    snapshot_id: str
    run_id: str
    verdict: Level
    seconds: float
    settings: dict[str, Any]
    checks: tuple[Check, ...]


def record_sounds(catalog: Catalog, sounds: Sequence[Sound]) -> None:
    """Record loudness and cut-off of songs; the first measure of a track stays."""
    insert_rows(catalog, "sound", [asdict(sound) for sound in sounds], "on conflict do nothing")


def read_other_snapshot(catalog: Catalog, snapshot: Snapshot) -> Snapshot | None:
    """Return the smallest snapshot of the same songs as embeddings, or as spectrograms."""
    rows = fetch_rows(catalog, _BESIDE, [snapshot.library_id, snapshot.feature_key])
    return as_snapshot(rows[0]) if rows else None


def read_audited_songs(catalog: Catalog, layout: DataLayout, snapshot_id: str) -> list[AuditedSong]:
    """Return the songs of a snapshot with their metadata, files and sound."""
    rows = fetch_rows(catalog, _AUDITED.format(_FROZEN), [snapshot_id])
    return _as_audited(catalog, layout, rows)


def read_golden_audited(catalog: Catalog, layout: DataLayout) -> list[AuditedSong]:
    """Return the songs of the newest golden version, but for excluded duplicates."""
    rows = fetch_rows(catalog, _AUDITED.format(_GOLDEN))
    return _as_audited(catalog, layout, rows)


def read_run_predictions(catalog: Catalog, run_id: str) -> dict[str, str]:
    """Return the recorded predictions of a run, by track."""
    statement = "select track_id, predicted from predictions where run_id = ?"
    return fetch_map(catalog, statement, [run_id])


def record_audit(catalog: Catalog, audit: Audit) -> None:
    """Record an audit with its checks; the same audit again replaces the first."""
    head = {name: getattr(audit, name) for name in ("audit_id", "snapshot_id", "run_id", "seconds")}
    head |= {"verdict": audit.verdict, "settings": json.dumps(audit.settings)}
    checks = [
        {
            "audit_id": audit.audit_id,
            "position": position,
            "name": check.name,
            "level": check.level,
            "passed": check.passed,
            "value": check.value,
            "low": check.interval and check.interval.low,
            "high": check.interval and check.interval.high,
            "chance": check.chance,
            "message": check.message,
            "details": json.dumps(check.details),
        }
        for position, check in enumerate(audit.checks)
    ]
    for table in ("audits", "audit_checks"):
        catalog.execute(f"delete from {table} where audit_id = ?", [audit.audit_id])
    insert_rows(catalog, "audits", [head])
    insert_rows(catalog, "audit_checks", checks)


def read_audit(catalog: Catalog, audit_id: str) -> Audit | None:
    """Return an audit, if it was made."""
    return _read(catalog, "audit_id = ?", audit_id)


def read_last_audit(catalog: Catalog, snapshot_id: str) -> Audit | None:
    """Return the last audit of a snapshot; None before the first."""
    return _read(catalog, "snapshot_id = ? order by used_at desc limit 1", snapshot_id)


def read_library_audit(catalog: Catalog, library_id: str) -> Audit | None:
    """Return the last audit of a library, on whichever of its snapshots; None before the first."""
    of_library = "snapshot_id in (select snapshot_id from snapshots where library_id = ?)"
    return _read(catalog, f"{of_library} order by used_at desc limit 1", library_id)


def touch_audit(catalog: Catalog, audit_id: str) -> None:
    """Mark an audit that needs no repetition as the last one."""
    catalog.execute("update audits set used_at = now() where audit_id = ?", [audit_id])


def _read(catalog: Catalog, where: str, key: str) -> Audit | None:
    statement = f"select * exclude (created_at, used_at) from audits where {where}"
    head = next(iter(fetch_rows(catalog, statement, [key])), None)
    if head is None:
        return None
    statement = "select * from audit_checks where audit_id = ? order by position"
    return as_audit(head, fetch_rows(catalog, statement, [head["audit_id"]]))


def as_audit(head: dict[str, Any], checks: Sequence[dict[str, Any]]) -> Audit:
    """Return an audit from its row and those of its checks, in their order."""
    changes = {"verdict": Level(head["verdict"]), "settings": json.loads(head["settings"])}
    return Audit(**{**head, **changes}, checks=tuple(map(_check, checks)))


def _check(row: dict[str, Any]) -> Check:
    return Check(
        name=CheckName(row["name"]),
        level=Level(row["level"]),
        message=row["message"],
        value=row["value"],
        interval=Interval.from_columns(
            {"_low": row["low"], "_high": row["high"], "": row["value"]}, ""
        ),
        chance=row["chance"],
        details=json.loads(row["details"]),
    )


def _as_audited(
    catalog: Catalog, layout: DataLayout, rows: Sequence[dict[str, Any]]
) -> list[AuditedSong]:
    artists = read_artists(catalog)
    songs = []
    for row in rows:
        track_id = row["track_id"]
        row["n_bytes"] = _count_bytes(layout.song(track_id, row.pop("suffix")))
        row |= {"split": Split(row["split"]), "artists": artists[track_id]}
        songs.append(AuditedSong(**row))
    return songs


def _count_bytes(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


_BESIDE = """
    with kinds as (
        select feature_key, n_bands * n_frames as n_values,
            settings ->> 'embedding' is null as is_spectrogram
        from features semi join shards using (feature_key)
    )
    select snapshot_id, feature_key, library_id, genres, seed, n_tracks, n_examples
    from snapshots join kinds using (feature_key)
    where library_id = $1 and is_spectrogram <> (
        select settings ->> 'embedding' is null from features where feature_key = $2)
    order by n_values, snapshot_id limit 1
"""

_FROZEN = "select * from snapshot_tracks where snapshot_id = ?"

_GOLDEN = """
    select track_id, golden_songs.genre, 'golden' as split, group_id, split_level
    from golden_songs join assignments using (track_id)
    where version = (select max(version) from golden_songs)
        and track_id not in (select track_id from excluded_tracks)
"""

_AUDITED = """
    select track_id, frozen.genre, frozen.split, coalesce(assignments.split, '') as assigned,
        frozen.group_id, frozen.split_level, location, artist, album, publisher,
        year, packets_id, codec, sample_rate, bit_rate, channels, duration_s, suffix,
        coalesce(loudness_db, 'nan'::double) as loudness_db,
        coalesce(cutoff_hz, 'nan'::double) as cutoff_hz
    from ({}) as frozen
        join tracks using (track_id) left join assignments using (track_id)
        left join sound using (track_id)
    order by track_id
"""


def record_suspects(catalog: Catalog, feature_key: str, suspects: Sequence[Suspect]) -> None:
    """Replace all suspects; one that is found again under the same label keeps its first time."""
    rows = fetch_rows(catalog, "select track_id, genre, found_at from suspects")
    known = {(row["track_id"], row["genre"]): row["found_at"] for row in rows}
    now = fetch_rows(catalog, "select now() as found_at")[0]["found_at"]
    found = [
        {
            "track_id": suspect.track_id,
            "feature_key": feature_key,
            "genre": suspect.genre,
            "confidence": suspect.confidence,
            "predicted": suspect.predicted,
            "predicted_confidence": suspect.predicted_confidence,
            "found_at": known.get((suspect.track_id, suspect.genre), now),
        }
        for suspect in suspects
    ]
    neighbours = [
        {
            "track_id": suspect.track_id,
            "position": position,
            "neighbour_id": neighbour.track_id,
            "cosine": neighbour.cosine,
        }
        for suspect in suspects
        for position, neighbour in enumerate(suspect.neighbours)
    ]
    for table, new in (("suspects", found), ("suspect_neighbours", neighbours)):
        catalog.execute(f"delete from {table}")
        insert_rows(catalog, table, new)


def suspect_rows(layout: DataLayout) -> list[dict[str, Any]]:
    """Return the published suspects that wait for a decision, the least probable label first."""
    return query_rows(layout, "select * from suspects order by confidence, track_id")

"""What one night changed, read from the catalog: songs, conflicts, promotions, steps."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from storage.catalog.connection import fetch_rows, open_catalog
from storage.layout import DataLayout

_SHOWN_SOURCE = r"regexp_replace(source, '(://)[^/?#]*@', '\1')"


@dataclass(frozen=True, slots=True, kw_only=True)
class MorningNight:
    """The night that a page tells of; ``steps`` are empty where none was recorded."""

    night_id: str
    started_at: datetime
    ended_at: datetime | None = None
    who: str = ""
    outcome: str = ""
    message: str = ""
    steps: tuple[dict[str, Any], ...] = ()


def read_night(layout: DataLayout, night_id: str = "") -> MorningNight | None:
    """Give a night with its steps, or the last one that began; none if there is no such night."""
    statement = """
        select night_id, started_at, ended_at, who, outcome, message from nights
        where night_id = $1 or ($1 = '' and outcome <> 'skipped')
        order by started_at desc limit 1
    """
    steps = """
        select step, outcome, message, seconds from night_steps where night_id = ?
        order by position
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [night_id])
        if not rows:
            return None
        told = fetch_rows(catalog, steps, [rows[0]["night_id"]])
    times = {name: _in_utc(rows[0][name]) for name in ("started_at", "ended_at")}
    return MorningNight(**{**rows[0], **times, "steps": tuple(told)})


def read_new_songs(layout: DataLayout, since: datetime) -> list[dict[str, Any]]:
    """Give the sources that came to light since a moment, with what became of each.

    Returns
    -------
    list of dict
        ``source`` without credentials, ``track_id``, ``genre``, ``outcome``, ``stage``,
        ``reason``, ``message``, ``artist``, ``title``, and ``like``, the title or place of the
        song that a duplicate is a copy of. A song that was to be tried again and came in is new.
    """
    return _read(layout, _NEW_SONGS, [since])


def read_conflicts(layout: DataLayout, since: datetime) -> list[dict[str, Any]]:
    """Give every claim of the recordings that wait for a decision, new ones marked ``is_new``."""
    return _read(layout, _CONFLICTS, [since])


def count_library(layout: DataLayout) -> list[dict[str, Any]]:
    """Count all songs by ``genre`` and ``outcome``, in ``n``."""
    statement = "select genre, outcome, count(*) as n from outcomes group by all order by all"
    return _read(layout, statement, [])


def read_challenges(layout: DataLayout, since: datetime) -> list[dict[str, Any]]:
    """Give what challenged the champion since a moment, the last one first."""
    statement = "select * from challenges where judged_at >= ? order by challenge_id desc"
    return _read(layout, statement, [since])


def read_promotions(layout: DataLayout) -> list[dict[str, Any]]:
    """Give every change of the champion, the first one first, with the network it brought."""
    statement = """
        select promotions.*, coalesce(network, '') as network, coalesce(fragment_s, 0) as fragment_s
        from promotions left join runs using (run_id) order by promotion_id
    """
    return [
        {**row, "promoted_at": _in_utc(row["promoted_at"])} for row in _read(layout, statement, [])
    ]


def _read(layout: DataLayout, statement: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, statement, parameters)


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


_NEW_SONGS = f"""
    select {_SHOWN_SOURCE} as source, outcomes.track_id, outcomes.genre, outcome, stage,
        outcomes.reason, outcomes.message, coalesce(tracks.artist, '') as artist,
        coalesce(tracks.title, '') as title,
        coalesce(nullif(kept.title, ''), kept.location, '') as "like"
    from outcomes left join tracks using (track_id) left join aside using (track_id)
        left join tracks as kept on outcome = 'duplicate'
            and kept.track_id = coalesce(nullif(duplicate_of, ''), outcomes.track_id)
    where first_at >= $1 or (tracks.added_at >= $1 and outcome <> 'duplicate')
        or (aside.reason = 'duplicate_recording' and outcome = 'duplicate'
            and kept.added_at >= $1)
    order by outcomes.genre, source
"""

_CONFLICTS = f"""
    select duplicate_of as recording, {_SHOWN_SOURCE} as source, outcomes.genre, artist, title,
        stage, max(first_at) over (partition by duplicate_of) >= $1 as is_new
    from outcomes join tracks using (track_id) join aside using (track_id)
    where aside.reason = 'label_conflict' and outcomes.reason = 'label_conflict'
        and stage <> 'sources'
    union all
    select source_id as recording, {_SHOWN_SOURCE} as source, outcomes.genre,
        coalesce(artist, ''), coalesce(title, ''), stage,
        max(first_at) over (partition by source_id) >= $1 as is_new
    from outcomes left join tracks using (track_id)
    where reason = 'label_conflict' and stage = 'sources'
    order by recording, source
"""

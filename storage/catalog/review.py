"""What waits for a person's decision, what was left out, and what was decided, as published."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.catalog.query import query_rows
from storage.home import DataLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedDecision:
    """A decision on the genre of a recording; ``genres_before`` are those of its tracks before.

    ``undone_at`` is None while it holds, or a later one on the same recording.
    """

    decision_id: int
    track_ids: list[str]
    artist: str
    title: str
    source: str
    genre: str
    genres_before: list[str]
    who: str
    decided_at: datetime
    undone_at: datetime | None
    undone_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A source of a recording whose sources disagree about its genre.

    ``track_id`` is empty, and all that is known of a file, where a listing alone disagrees.
    """

    track_id: str
    source: str
    genre: str
    artist: str
    title: str
    album: str | None
    codec: str | None
    bit_rate: int | None
    duration_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A recording whose copies have several genres; one that ``is_listed`` is for its listing."""

    recording: str
    is_listed: bool
    copies: tuple[Copy, ...]

    @property
    def genres(self) -> list[str]:
        """The genres that its copies have."""
        return sorted({copy.genre for copy in self.copies if copy.genre})


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A song that was left out; ``duration_s`` is None where there is no track of it."""

    source: str
    reason: str
    message: str
    genre: str
    stage: str
    track_id: str
    artist: str
    title: str
    duration_s: float | None


def decision_rows(layout: DataLayout, n_rows: int = 100) -> list[LoggedDecision]:
    """Return the last decisions, the last one first."""
    return [LoggedDecision(**row) for row in query_rows(layout, _DECISIONS, [n_rows])]


def read_conflicts(layout: DataLayout) -> list[Conflict]:
    """Return the recordings whose genre needs a decision, with their copies."""
    copies: dict[tuple[str, bool], list[Copy]] = defaultdict(list)
    for row in query_rows(layout, _CONFLICTS):
        copies[row.pop("recording"), row.pop("is_listed")].append(Copy(**row))
    return [
        Conflict(recording=recording, is_listed=is_listed, copies=tuple(found))
        for (recording, is_listed), found in copies.items()
    ]


def read_left_out(layout: DataLayout) -> list[LeftOut]:
    """Return the songs that were left out, by reason; duplicates are in the library already."""
    return [LeftOut(**row) for row in query_rows(layout, _LEFT_OUT)]


def count_duplicates(layout: DataLayout) -> int:
    """Return the number of sources whose song the library has already."""
    return query_rows(layout, _DUPLICATES)[0]["n"]


def name_tracks(layout: DataLayout, track_ids: list[str]) -> dict[str, dict[str, Any]]:
    """Return source, length and album of tracks, by track id."""
    rows = query_rows(layout, _NAMED, [track_ids])
    return {row.pop("track_id"): row for row in rows}


_DECISIONS = """
    with sources as (
        select track_id, min(source) as source from outcomes
        where track_id in (select track_id from decisions) group by track_id)
    select decision_id, list(track_id order by track_id) as track_ids,
        coalesce(min(artist), '') as artist, coalesce(min(title), '') as title,
        coalesce(min(source), '') as source, any_value(decisions.genre) as genre,
        list(distinct genre_before order by genre_before) as genres_before,
        any_value(who) as who, any_value(decided_at) as decided_at,
        any_value(undone_at) as undone_at, any_value(undone_by) as undone_by
    from decisions left join tracks using (track_id) left join sources using (track_id)
    group by decision_id order by decision_id desc limit ?
"""

_CONFLICTS = """
    select recording, stage = 'sources' as is_listed, coalesce(track_id, '') as track_id, source,
        c.genre, c.artist, c.title, album, codec, bit_rate, duration_s
    from label_conflicts as c left join tracks using (track_id)
    order by recording, source
"""

_LEFT_OUT = """
    select source, reason, message, outcomes.genre, stage, outcomes.track_id,
        coalesce(artist, '') as artist, coalesce(title, '') as title, duration_s
    from outcomes left join tracks using (track_id)
    where outcome in ('quarantined', 'retryable') and reason <> 'label_conflict'
    order by reason, source
"""

_DUPLICATES = "select count(*) as n from outcomes where outcome = 'duplicate'"

_NAMED = """
    select track_id, min(source) as source, any_value(duration_s) as duration_s,
        any_value(album) as album
    from tracks left join outcomes using (track_id)
    where track_id in (select unnest(?)) group by track_id
"""

"""What the page of a song shows from the published store."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from storage.catalog.query import query_rows
from storage.home import DataLayout

_CHAMPION = "(select run_id from promotions order by promotion_id desc limit 1)"

_SONG = f"""
    select track_id, tracks.genre as label, artist, title, album, year, duration_s, codec,
        bit_rate, is_builtin, predicted, confidence, unknown, alternatives, probabilities, version,
        part as split
    from tracks
        left join (select * from predictions where run_id = {_CHAMPION}) as predicted_songs
            using (track_id)
        left join (select run_id, max(version) as version from promotions group by run_id)
            using (run_id)
        left join (
            select track_id, split as part from splits where snapshot_id = (
                select snapshot_id from runs where run_id = {_CHAMPION})) using (track_id)
    where track_id = ?
"""

_CHECKED = f"""
    select confidence, predicted = genre as is_right from predictions
    where run_id = {_CHAMPION} and split in ('validation', 'test') and confidence is not null
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSong:
    """A track with its label and, where the store has it, the champion's prediction.

    ``split`` is the part of the champion's snapshot that the song is in; None if in none.
    """

    track_id: str
    label: str
    artist: str
    title: str
    album: str
    year: int | None
    duration_s: float
    codec: str
    bit_rate: int
    is_builtin: bool
    predicted: str | None
    confidence: float | None
    unknown: bool | None
    alternatives: Sequence[str] | None
    probabilities: Sequence[float] | None
    version: int | None
    split: str | None


def read_stored_song(layout: DataLayout, track_id: str) -> StoredSong | None:
    """Return one track of the published store; None if there is none, or no store."""
    if not layout.published.exists():
        return None
    rows = query_rows(layout, _SONG, [track_id])
    return StoredSong(**rows[0]) if rows else None


def read_checked(layout: DataLayout) -> tuple[list[float], list[bool]]:
    """Return the confidence of each validation and test song of the champion, and if it is right.

    The champion was not trained on them. Both are empty without a store.
    """
    rows = query_rows(layout, _CHECKED) if layout.published.exists() else []
    return [row["confidence"] for row in rows], [row["is_right"] for row in rows]


def read_labels_in_use(layout: DataLayout) -> list[str]:
    """Return the genres that songs of the store have."""
    statement = "select distinct genre from tracks where genre <> '' order by genre"
    return (
        [row["genre"] for row in query_rows(layout, statement)] if layout.published.exists() else []
    )


def read_usual_tags(layout: DataLayout, representation: str) -> list[float]:
    """Return the mean logit of each tag over the songs of the store; empty without songs."""
    if not layout.published.exists():
        return []
    return _read_usual_tags(layout, representation, layout.published.stat().st_mtime_ns)


@lru_cache(maxsize=4)  # all songs are read
def _read_usual_tags(layout: DataLayout, representation: str, _changed_at: int) -> list[float]:
    statement = """
        select avg(logit) as mean from (
            select unnest(tag_logits) as logit, generate_subscripts(tag_logits, 1) as position
            from song_embeddings where representation = ?)
        group by position order by position
    """
    return [row["mean"] for row in query_rows(layout, statement, [representation])]


def has_own_songs(layout: DataLayout) -> bool:
    """Whether the store has songs beside those of the built-in library, or none at all."""
    statement = "select bool_and(is_builtin) as is_builtin from tracks"
    return not (layout.published.exists() and query_rows(layout, statement)[0]["is_builtin"])


def read_outcome(layout: DataLayout, source: str) -> dict[str, Any]:
    """Return what became of a source: outcome, message, its track and whose duplicate it is."""
    statement = """
        select outcome, reason, message, track_id, duplicate_of
        from outcomes left join tracks using (track_id) where source = ?
    """
    rows = query_rows(layout, statement, [source])
    return rows[0] if rows else {}

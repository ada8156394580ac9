"""What the page of a song shows from the published store."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from genre_core.dataset.artists import fold_artist
from genre_core.dataset.groups import join_artists
from genre_core.networks.registry import HEADS
from storage.catalog.query import query_rows
from storage.home import DataLayout

_CHAMPION = "(select run_id from promotions order by promotion_id desc limit 1)"

_SONG = f"""
    select track_id, tracks.genre as label, artist, title, album, year, duration_s, codec,
        bit_rate, is_builtin, predicted, confidence, unknown, alternatives, probabilities, version
    from tracks
        left join (select * from predictions where run_id = {_CHAMPION}) as predicted_songs
            using (track_id)
        left join (select run_id, max(version) as version from promotions group by run_id)
            using (run_id)
    where track_id = ?
"""

_CHECKED = f"""
    select confidence, predicted = predictions.genre as is_right, group_id, artist
    from predictions
        join runs using (run_id)
        join splits using (snapshot_id, track_id)
        join tracks using (track_id)
    where run_id = {_CHAMPION} and confidence is not null and unknown is not true
        and (predictions.split = 'test'
            or predictions.split = 'validation' and list_contains(?, network))
"""

_TRAINED_ON = f"""
    select track_id from splits where split = 'train' and snapshot_id = (
        select snapshot_id from runs where run_id = {_CHAMPION})
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSongs:
    """Songs that show how often a model is right, a value a song; see `read_checked`."""

    confidences: list[float]
    is_right: list[bool]
    artists: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSong:
    """A track with its label and, where the store has it, the champion's prediction."""

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


def read_stored_song(layout: DataLayout, track_id: str) -> StoredSong | None:
    """Return one track of the published store; None if there is none, or no store."""
    if not layout.published.exists():
        return None
    rows = query_rows(layout, _SONG, [track_id])
    return StoredSong(**rows[0]) if rows else None


def read_checked(layout: DataLayout) -> CheckedSongs:
    """Return the songs that the champion learned nothing from, and has a genre for.

    Those are test songs and, for a head, validation songs: they chose the epoch and the temperature
    of a network. Songs of one artist share a name. Nothing without a store.
    """
    rows = query_rows(layout, _CHECKED, [list(HEADS)]) if layout.published.exists() else []
    names = [(fold_artist(row["artist"]),) if row["artist"] else () for row in rows]
    return CheckedSongs(
        confidences=[row["confidence"] for row in rows],
        is_right=[row["is_right"] for row in rows],
        artists=join_artists([row["group_id"] for row in rows], names),
    )


def read_trained_on(layout: DataLayout) -> frozenset[str]:
    """Return the ids of the songs that the champion was trained on; nothing without a store."""
    rows = query_rows(layout, _TRAINED_ON) if layout.published.exists() else []
    return frozenset(row["track_id"] for row in rows)


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

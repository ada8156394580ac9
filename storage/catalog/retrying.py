"""Songs that were left out are tried again because somebody asks for it."""

from genre_core.records import Reason
from storage.catalog.connection import fetch_rows, open_catalog
from storage.layout import DataLayout

_THERE = """($2 = '' or starts_with(source || '/', $2 || '/')
    or starts_with(source_id || '/', $2 || '/'))"""

_RELEASE = f"""
    update outcomes set outcome = 'retryable', updated_at = now()
    where outcome <> 'ok' and ($1 = reason or ($1 = '' and reason <> 'removed')) and {_THERE}
    returning track_id
"""

_SPARED = f"""
    select track_id from outcomes
    where outcome = 'ok' and {_THERE} and track_id in (select track_id from rejected
        where reason = 'not_represented' and $1 in ('', reason))
"""
"""Songs that are ``ok`` by other representations: only what failed is made, nothing fetched."""


def release_songs(layout: DataLayout, reason: str, source: str) -> int:
    """Let the next ingest and extract try songs again that were left out; count them.

    Parameters
    ----------
    layout : DataLayout
    reason : str
        A value of ``records.Reason``; empty: whatever the reason, but for songs that somebody
        removed: those are let in again by ``removed`` alone.
    source : str
        A song, or the folder or site at which the songs begin; empty: all. Paths are whole; links
        in them are followed, or as they were listed.
    """
    with open_catalog(layout) as catalog:
        asked = [reason, source.rstrip("/")]
        songs = fetch_rows(catalog, _RELEASE, asked) + fetch_rows(catalog, _SPARED, asked)
        track_ids = [song["track_id"] for song in songs if song["track_id"]]
        statement = "delete from rejected where track_id in (select unnest(?))"
        catalog.execute(statement, [track_ids])
        if reason == Reason.REMOVED:
            statement = "delete from removals where track_id in (select unnest(?))"
            catalog.execute(statement, [track_ids])
    return len(songs)

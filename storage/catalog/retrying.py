"""Songs that were left out are tried again because somebody asks for it."""

from storage.catalog.connection import fetch_rows, open_catalog
from storage.layout import DataLayout

_RELEASE = """
    update outcomes set outcome = 'retryable', updated_at = now()
    where outcome <> 'ok' and ($1 = '' or reason = $1)
        and ($2 = '' or starts_with(source || '/', $2 || '/')
            or starts_with(source_id || '/', $2 || '/'))
    returning track_id
"""


def release_songs(layout: DataLayout, reason: str, source: str) -> int:
    """Let the next ingest and extract try songs again that were left out; count them.

    Parameters
    ----------
    layout : DataLayout
    reason : str
        A value of ``records.Reason``; empty: whatever the reason.
    source : str
        A song, or the folder or site at which the songs begin; empty: all. Paths are whole; links
        in them are followed, or as they were listed.
    """
    with open_catalog(layout) as catalog:
        released = fetch_rows(catalog, _RELEASE, [reason, source.rstrip("/")])
        track_ids = [row["track_id"] for row in released if row["track_id"]]
        statement = "delete from rejected where track_id in (select unnest(?))"
        catalog.execute(statement, [track_ids])
    return len(released)

"""Readers: which shards stay for who has an older store open, until the next extract."""

import json
from pathlib import Path

from genre_core.errors import UsageError
from storage.catalog.publish import publish, published_shards, query_rows
from storage.catalog.removals import removed_tracks
from storage.home import DataLayout


def publish_for_readers(layout: DataLayout) -> list[str]:
    """Publish, and give the shards of the store before, which its readers may still read.

    A store that names a song which was removed since keeps none of them.
    """
    before = [] if _names_removed(layout) else published_shards(layout)
    part = _note(layout).with_suffix(".part")
    part.write_text(json.dumps(before), "utf-8")
    part.replace(_note(layout))
    publish(layout)
    return before


def kept_for_readers(layout: DataLayout) -> list[str]:
    """Give the shards that the last extract left in place for readers."""
    return json.loads(_note(layout).read_text("utf-8")) if _note(layout).exists() else []


def forget_readers(layout: DataLayout) -> None:
    """Let no shard stay for readers: a song that is to be removed may stand in any."""
    _note(layout).unlink(missing_ok=True)


def _names_removed(layout: DataLayout) -> bool:
    """Tell whether the published store holds a song that was removed since."""
    if not (removed := removed_tracks(layout)) or not layout.published.exists():
        return False
    statement = "select 1 from tracks where track_id in (select unnest(?)) limit 1"
    try:
        return bool(query_rows(layout, statement, [removed]))
    except UsageError:  # nobody can read it
        return True


def _note(layout: DataLayout) -> Path:
    return layout.home / ".readers.json"

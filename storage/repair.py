"""Repair: what is gone or damaged is forgotten, so that the line makes it again."""

from pathlib import Path

from storage.catalog.shards import forget_shards
from storage.catalog.songs import await_songs, stored_songs
from storage.layout import DataLayout
from storage.losses import damaged_shards, damaged_songs, gone_songs, unnamed_songs


def repair_shards(layout: DataLayout) -> list[str]:
    """Forget the shards that are gone or damaged; the next extract makes them again."""
    if damaged := damaged_shards(layout):
        forget_shards(layout, damaged)
    return damaged


def repair_songs(layout: DataLayout) -> list[str]:
    """Set damaged originals aside and let the next ingest fetch them, and those that are gone.

    A damaged file moves to ``songs/.damaged``: its source may be there no more.
    """
    places, damaged = stored_songs(layout), damaged_songs(layout)
    aside = layout.songs / ".damaged"
    for track_id in damaged:
        aside.mkdir(exist_ok=True)
        places[track_id].replace(aside / places[track_id].name)
    if gone := gone_songs(layout):
        await_songs(layout, gone)
    return gone


def sweep_songs(layout: DataLayout) -> list[str]:
    """Move originals that no track names to ``songs/.unnamed``: a killed ingest left them."""
    names, aside = unnamed_songs(layout), layout.songs / ".unnamed"
    for name in names:
        aside.mkdir(exist_ok=True)
        (layout.songs / name).replace(aside / Path(name).name)
    return names

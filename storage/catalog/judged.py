"""What runs say of songs, with the groups that songs stand in: what scores are compared by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.published import query_rows
from storage.layout import DataLayout

_JUDGED = """
    select run_id, any_value(library_id) as library_id, any_value(genres) as genres,
        predictions.split, list(track_id order by track_id) as track_ids,
        list(group_id order by track_id) as group_ids,
        list(predictions.genre order by track_id) as labels,
        list(predicted order by track_id) as predicted
    from predictions join runs using (run_id) join snapshots using (snapshot_id)
        join {places} as places using (snapshot_id, track_id)
    where run_id in (select unnest(?)) and predictions.split in ('validation', 'test')
    group by run_id, predictions.split
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSplit:
    """What one run says of the songs of one split, in the order of their ids.

    ``genres`` are all that the run knows; ``labels`` are the true ones of the songs.
    """

    run_id: str
    library_id: str
    split: str
    genres: tuple[str, ...]
    track_ids: tuple[str, ...]
    group_ids: tuple[str, ...]
    labels: tuple[str, ...]
    predicted: tuple[str, ...]


def read_judged(layout: DataLayout, run_ids: Sequence[str]) -> list[JudgedSplit]:
    """Give what the runs say of every validation and test song, from the catalog."""
    statement = _JUDGED.format(places="snapshot_tracks")
    with open_catalog(layout) as catalog:
        return _as_records(fetch_rows(catalog, statement, [list(run_ids)]))


def read_published_judged(layout: DataLayout, run_ids: Sequence[str]) -> list[JudgedSplit]:
    """Give the same from the published store, which no flow locks."""
    statement = _JUDGED.format(places="splits")
    return _as_records(query_rows(layout, statement, [list(run_ids)]))


def _as_records(rows: Sequence[Mapping[str, Any]]) -> list[JudgedSplit]:
    lists = ("genres", "track_ids", "group_ids", "labels", "predicted")
    return [JudgedSplit(**{**row, **{name: tuple(row[name]) for name in lists}}) for row in rows]

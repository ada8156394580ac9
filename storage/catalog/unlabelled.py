"""Unlabelled songs: what the champion predicts of them, and nothing is learned from."""

from storage.catalog.connection import fetch_rows, open_catalog
from storage.layout import DataLayout

UNLABELLED_SPLIT = "unlabelled"
"""Stands in ``predictions`` in place of a split: such rows count in no score."""

UNLABELLED = """
    select track_id from tracks
    where genre = '' and track_id in (select track_id from outcomes where outcome = 'ok')
        and track_id not in (select track_id from aside)
"""

_UNPREDICTED = f"""
    select track_id from extracted
    where feature_key = (
            select feature_key from runs join snapshots using (snapshot_id) where run_id = $1)
        and track_id in ({UNLABELLED})
        and track_id not in (select track_id from predictions where run_id = $1)
    order by track_id
"""

_OUTDATED = f"""
    delete from predictions where split = '{UNLABELLED_SPLIT}'
        and (run_id <> ? or track_id not in ({UNLABELLED}))
"""


def read_unpredicted(layout: DataLayout, run_id: str) -> list[str]:
    """Return the unlabelled songs that a run can predict and has not predicted yet."""
    with open_catalog(layout) as catalog:
        return [row["track_id"] for row in fetch_rows(catalog, _UNPREDICTED, [run_id])]


def forget_outdated(layout: DataLayout, run_id: str) -> None:
    """Forget predictions by other runs than this one, and of songs that have a label by now."""
    with open_catalog(layout) as catalog:
        catalog.execute(_OUTDATED, [run_id])

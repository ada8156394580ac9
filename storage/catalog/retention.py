"""What of the catalog's history nothing needs any more."""

from collections.abc import Sequence

from storage.catalog.connection import fetch_rows, open_catalog
from storage.home import DataLayout

_SNAPSHOTS = """
    select snapshot_id from (
        select snapshot_id, row_number() over (order by created_at desc) as nth from snapshots)
    where nth > $1 and snapshot_id not in (
        select snapshot_id from runs union select snapshot_id from promotions
        union select snapshot_id from challenges union select snapshot_id from audits)
"""

_MODELS = """
    with newest as (
        select library_id from snapshots order by all_genres desc, used_at desc limit 1),
    used as (
        select run_id from promotions
        union select previous_run_id from promotions where previous_run_id is not null
        union select run_id from challenges),
    ranked as (
        select run_id, model_uri, snapshot_id,
            row_number() over (partition by network order by started_at desc) as nth
        from runs anti join used using (run_id))
    select model_uri from ranked join snapshots using (snapshot_id)
    where nth > $1 and library_id not in (select library_id from newest)
"""


def needless_snapshots(layout: DataLayout, n_kept: int) -> list[str]:
    """Give the snapshots beyond the newest so many that no run, audit or promotion used."""
    if n_kept <= 0:
        return []
    with open_catalog(layout) as catalog:
        return [row["snapshot_id"] for row in fetch_rows(catalog, _SNAPSHOTS, [n_kept])]


def needless_models(layout: DataLayout, n_kept: int) -> list[str]:
    """Give the networks beyond the newest so many of a kind that nothing can promote any more.

    Models on the newest library stay, for they may be promoted yet, and so does every one
    that reigned or challenged.
    """
    if n_kept < 0:
        return []
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, _MODELS, [n_kept])
    return [row["model_uri"].removeprefix("models:/") for row in rows]


def forget_snapshots(layout: DataLayout, snapshot_ids: Sequence[str]) -> None:
    """Forget snapshots and their places, in one transaction; `assignments` keeps the split."""
    with open_catalog(layout) as catalog:
        for table in ("snapshot_tracks", "snapshots"):
            catalog.execute(
                f"delete from {table} where snapshot_id in (select unnest(?))",
                [list(snapshot_ids)],
            )

"""The snapshot that was used last, and the feature settings behind it."""

import json

from genre_core.errors import UsageError
from genre_core.features import FeatureConfig
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.snapshots import Snapshot
from storage.layout import DataLayout


def read_latest_snapshot(layout: DataLayout) -> tuple[Snapshot, FeatureConfig]:
    """Give the snapshot used last, with the settings of its matrices.

    Raises
    ------
    UsageError
        If there is none yet.
    """
    statement = """
        select snapshots.* exclude (created_at, used_at), settings
        from snapshots join features using (feature_key)
        order by used_at desc limit 1
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement)
    if not rows:
        raise UsageError(
            f"There is no snapshot in {layout.home} yet. Run `genreflow train` first, or name the "
            "right place with --home."
        )
    settings = json.loads(rows[0].pop("settings"))
    row = {**rows[0], "genres": tuple(rows[0]["genres"])}
    return Snapshot(**row), FeatureConfig.from_document(settings)

"""The snapshot that was used last, and the feature settings behind it."""

import json
from collections.abc import Sequence

from genre_core.errors import UsageError
from genre_core.features import FeatureConfig
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.snapshots import Snapshot
from storage.layout import DataLayout


def read_latest_snapshot(
    layout: DataLayout, preferred_keys: Sequence[str] = ()
) -> tuple[Snapshot, FeatureConfig]:
    """Return the snapshot of spectrograms used last, with the settings of its matrices.

    Parameters
    ----------
    layout : DataLayout
    preferred_keys : sequence of str
        Feature keys. A snapshot under one of them comes before all others.

    Raises
    ------
    UsageError
        If there is none yet.
    """
    statement = """
        select snapshots.* exclude (created_at, used_at), settings
        from snapshots join features using (feature_key)
        where settings ->> 'embedding' is null
        order by feature_key in (select unnest(?)) desc, used_at desc limit 1
    """
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [list(preferred_keys)])
    if not rows:
        raise UsageError(
            f"There is no snapshot in {layout.home} yet. Run `genreflow train` first, or name the "
            "right place with --home."
        )
    settings = json.loads(rows[0].pop("settings"))
    row = {**rows[0], "genres": tuple(rows[0]["genres"])}
    return Snapshot(**row), FeatureConfig.from_document(settings)

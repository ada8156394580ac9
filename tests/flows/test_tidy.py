"""Flow tidy: only what is unused is removed, and nothing in a dry run."""

from dataclasses import replace

import pytest

from flows.maintenance import tidy
from flows.settings import Settings
from storage.catalog.connection import open_catalog
from storage.catalog.query import query_rows
from storage.home import DataLayout
from storage.maintenance import RetentionConfig
from storage.maintenance.retention import tidy_home
from tasks.champion import require_champion

pytestmark = pytest.mark.flow
LEAST = RetentionConfig(snapshots=1, unpromoted_models=0)


def models(layout: DataLayout) -> set[str]:
    return {path.name for path in (layout.mlflow_artifacts / "models").iterdir()}


def plant_newer_library(layout: DataLayout) -> None:
    """Two later snapshots of another library, which no run used."""
    with open_catalog(layout) as catalog:
        for name, days in (("unused", 1), ("newest", 2)):
            catalog.execute(
                """insert into snapshots by name select * replace (? as snapshot_id,
                'another' as library_id, created_at + to_days(?) as created_at,
                used_at + to_days(?) as used_at) from snapshots
                where snapshot_id not in ('unused', 'newest') limit 1""",
                [name, days, days],
            )


def test_only_orphans_unused_snapshots_and_unpromoted_networks_go(
    finished_copy: Settings,
) -> None:
    layout = finished_copy.layout
    plant_newer_library(layout)
    orphan = next(layout.shards.iterdir()) / f"{'0' * 24}.parquet"
    orphan.write_bytes(b"1234567")
    before = models(layout)

    planned = tidy_home(layout, LEAST, dry_run=True)
    assert orphan.exists()
    assert models(layout) == before
    tidy(replace(finished_copy, keep=LEAST))

    champion = require_champion(layout)
    assert models(layout) == {champion.model_uri.removeprefix("models:/")}
    assert not orphan.exists()
    kinds = [thing.kind for thing in planned]
    assert kinds == ["shard", "snapshot", "model", "model", "model"]
    assert planned[0].n_bytes == 7
    left = {row["snapshot_id"] for row in query_rows(layout, "select snapshot_id from snapshots")}
    assert "newest" in left
    assert "unused" not in left
    assert len(query_rows(layout, "from runs join snapshots using (snapshot_id)")) == 4
    assert tidy_home(layout, LEAST) == []


def test_networks_on_a_tracking_server_stay_there_and_the_log_says_how_many(
    finished_copy: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    plant_newer_library(finished_copy.layout)
    layout = replace(finished_copy.layout, tracking_server="http://127.0.0.1:9")
    before = models(layout)

    removed = tidy_home(layout, LEAST)

    assert {thing.kind for thing in removed} == {"snapshot"}
    assert models(layout) == before
    assert "3 unused models stay on the tracking server" in caplog.text

"""What a store holds, but for times and ids that differ from run to run; and what must not be."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.catalog.extraction import all_shards
from storage.catalog.query import query
from storage.home import DataLayout
from tests.catalogs import in_catalog

CONTENTS = {
    "tracks": "select * exclude (added_at) from tracks",
    "outcomes": "select * exclude (attempts, first_at, updated_at) from outcomes",
    "label_conflicts": "select * from label_conflicts",
    "removals": "select * exclude (removed_at) from removals",
    "golden_songs": "select * exclude (frozen_at) from golden_songs",
    "shards": "select * exclude (created_at) from shards",
    "spectrograms": """
        select * exclude ("values"), md5("values"::varchar) as digest from spectrograms
    """,
    "snapshots": "select * exclude (created_at, used_at) from snapshots",
    "splits": "select * from splits",
    "runs": """
        select * exclude (run_id, comparison_id, seconds, started_at)
            replace (round(validation_macro_f1, 4) as validation_macro_f1,
                round(test_macro_f1, 4) as test_macro_f1) from runs
    """,
    "predictions": """
        select network, fragment_s, seed, track_id, split, genre, predicted
        from predictions join runs using (run_id)
    """,  # not the probabilities: TensorFlow's threads may add up in another order
    "promotions": """
        select * exclude (promotion_id, run_id, previous_run_id, promoted_at, audit_id)
        from promotions
    """,
}
FILED = ("songs", "shards", "wav")  # folders whose every file is the same in the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All that a store holds: the rows of every view, the names of its files, its runs."""

    views: dict[str, list[tuple[Any, ...]]]
    files: list[str]
    tracking: dict[str, object]


def describe(layout: DataLayout) -> Standing:
    """Say all that a store holds."""
    views = {name: sorted(query(layout, sql)[1], key=repr) for name, sql in CONTENTS.items()}
    return Standing(views=views, files=_files(layout), tracking=_tracking(layout))


def differences(before: Standing, after: Standing) -> list[str]:
    """Say in what two stores differ: one sentence a view, file or number."""
    found = [
        f"{name}: {len(after.views[name])} rows, not the {len(rows)} of an undisturbed run: "
        f"{sorted(set(map(repr, after.views[name])) ^ set(map(repr, rows)))[:4]}"
        for name, rows in before.views.items()
        if after.views[name] != rows
    ]
    found += [f"file {name}" for name in sorted(set(before.files) ^ set(after.files))]
    if before.tracking != after.tracking:
        found.append(f"MLflow: {after.tracking}, not {before.tracking}")
    return found


def orphans(layout: DataLayout) -> set[str]:
    """Return the files below ``shards/`` that the catalog does not name."""
    there = {str(p.relative_to(layout.shards)) for p in layout.shards.rglob("*") if p.is_file()}
    return there - set(in_catalog(layout, all_shards))


def _files(layout: DataLayout) -> list[str]:
    top = [path.name for path in layout.home.iterdir()]
    below = [
        str(path.relative_to(layout.home))
        for folder in FILED
        for path in (layout.home / folder).rglob("*")
        if path.is_file()
    ]
    return sorted([*top, *below])


def _tracking(layout: DataLayout) -> dict[str, object]:
    """Count what must be alone or absent in MLflow: open runs, finished ones, champions."""
    if not layout.mlflow_db.exists():
        return {}
    with closing(sqlite3.connect(f"file:{layout.mlflow_db}?mode=ro", uri=True)) as runs:
        ask = runs.cursor().execute
        return {
            "running": ask("select count(*) from runs where status = 'RUNNING'").fetchone()[0],
            "finished": ask(
                "select count(*) from runs join tags using (run_uuid) "
                "where status = 'FINISHED' and key = 'kind' and value = 'training'"
            ).fetchone()[0],
            "champions": ask("select alias, version from registered_model_aliases").fetchall(),
            "versions": ask("select version from model_versions").fetchall(),
        }


def champion_run(layout: DataLayout) -> str:
    """Return the run that MLflow's champion comes from."""
    with closing(sqlite3.connect(Path(layout.mlflow_db))) as runs:
        statement = (
            "select run_id from model_versions join registered_model_aliases using (name, version)"
        )
        return str(runs.execute(statement).fetchone()[0])

"""Opening the store: new, old, deleted or moved."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.artifacts import download_artifacts

from genre_core.errors import CatalogMismatch
from storage.home import DataLayout
from storage.models.runs import create_run, log_json
from storage.models.store import ADDRESSES, Tracking, open_tracking


def test_the_first_opening_creates_the_store_and_its_experiment(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path / "not" / "there" / "yet")

    tracking = open_tracking(layout)

    experiment = tracking.client.get_experiment(tracking.experiment_id)
    assert layout.mlflow_db.is_file()
    assert experiment.name == "genreflow"
    assert experiment.artifact_location == layout.mlflow_artifacts.as_uri()


def test_half_made_tables_of_a_killed_process_are_made_again(tmp_path: Path) -> None:
    half = tmp_path / ".mlflow.db.0123"
    with closing(sqlite3.connect(half)) as tables:
        tables.execute("create table span_metrics (trace_id varchar)")

    tracking = open_tracking(DataLayout(tmp_path))

    assert tracking.client.search_runs([tracking.experiment_id]) == []
    assert not half.exists()


def test_an_experiment_that_somebody_deleted_is_restored(layout: DataLayout) -> None:
    tracking = open_tracking(layout)
    tracking.client.delete_experiment(tracking.experiment_id)

    again = open_tracking(layout)

    assert again.experiment_id == tracking.experiment_id
    assert again.client.get_experiment(again.experiment_id).lifecycle_stage == "active"


def test_a_relative_home_keeps_its_artifacts_below_it(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(layout.home)

    tracking = open_tracking(DataLayout(Path()))

    experiment = tracking.client.get_experiment(tracking.experiment_id)
    assert experiment.artifact_location == (layout.home / "mlartifacts").as_uri()


def move(layout: DataLayout, home: Path) -> DataLayout:
    moved = DataLayout(home)
    moved.home.mkdir()
    layout.mlflow_db.rename(moved.mlflow_db)
    layout.mlflow_artifacts.rename(moved.mlflow_artifacts)
    return moved


def test_a_home_that_was_moved_keeps_its_artifacts(tracking: Tracking, tmp_path: Path) -> None:
    run_id = create_run(tracking, "before the move", "comparison", {})
    log_json(tracking, run_id, {"moved": False}, "place")

    after = open_tracking(move(tracking.layout, tmp_path / "new home"))

    old = Path(download_artifacts(after.client.get_run(run_id).info.artifact_uri))
    new = after.client.get_run(create_run(after, "after the move", "comparison", {}))
    assert (old / "place.json").is_file()
    assert new.info.artifact_uri.startswith(after.layout.mlflow_artifacts.as_uri())


def columns_that_hold(database: Path, text: str) -> set[tuple[str, str]]:
    """The columns of all tables in which a text occurs."""
    with closing(sqlite3.connect(database)) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table'")
        columns = [
            (table, row[1])
            for (table,) in tables.fetchall()
            for row in connection.execute(f"pragma table_info({table})")
        ]
        statement = "select count(*) from {} where instr(cast({} as text), ?) > 0"
        return {
            (table, column)
            for table, column in columns
            if connection.execute(statement.format(table, column), [text]).fetchone()[0]
        }


def test_mlflow_keeps_addresses_in_the_columns_that_are_moved_and_in_no_others(
    tracking: Tracking, tmp_path: Path
) -> None:
    create_run(tracking, "a run", "comparison", {})
    model = tracking.client.create_logged_model(tracking.experiment_id, name="a model")
    tracking.client.create_registered_model("genreflow")
    for source in (model.artifact_location, f"models:/{model.model_id}"):
        tracking.client.create_model_version("genreflow", source, model_id=model.model_id)
    tracking.layout.mlflow_artifacts.mkdir()
    old = tracking.layout.mlflow_artifacts.as_uri()
    before = columns_that_hold(tracking.layout.mlflow_db, old)

    after = open_tracking(move(tracking.layout, tmp_path / "new home"))

    assert before == set(ADDRESSES)
    assert columns_that_hold(after.layout.mlflow_db, f"{old}/") == set()


@pytest.mark.parametrize("content", [b"", b"no database" * 500, b"SQLite format 3\0" + b"?" * 4080])
def test_a_damaged_database_of_runs_ends_in_a_sentence_and_stays(
    tmp_path: Path, content: bytes
) -> None:
    layout = DataLayout(tmp_path)
    layout.mlflow_db.write_bytes(content)

    with pytest.raises(CatalogMismatch, match=r"mlflow\.db is damaged.*Restore a backup"):
        open_tracking(layout)

    assert layout.mlflow_db.read_bytes() == content


def test_pages_of_the_database_that_are_damaged_later_end_in_a_sentence(layout: DataLayout) -> None:
    tracking = open_tracking(layout)
    content = layout.mlflow_db.read_bytes()
    layout.mlflow_db.write_bytes(content[:4096] + b"?" * (len(content) - 4096))

    with pytest.raises(CatalogMismatch, match="is damaged"):
        tracking.client.search_runs([tracking.experiment_id])


def test_a_run_that_the_store_has_lost_is_named_with_what_to_do(tmp_path: Path) -> None:
    tracking = open_tracking(DataLayout(tmp_path))

    with pytest.raises(CatalogMismatch, match=f"{'a' * 32} not found in .*genreflow restore"):
        tracking.client.get_run("a" * 32)

"""Train and evaluate: what MLflow and the catalog say of a run, and that they agree."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sklearn.metrics import f1_score

from flows.line import LineConfig
from storage.catalog.published import query_rows
from storage.layout import DataLayout

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

pytestmark = [pytest.mark.flow, pytest.mark.keras]

MEASURES = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
JUDGED = ("fragment", "song_mean", "song_maximum", "song_vote")


@pytest.fixture
def rows(finished: LineConfig) -> dict[str, dict[str, Any]]:
    found = query_rows(finished.layout, "select * from runs order by started_at")
    return {f"{row['network']} {row['fragment_s']:g}": row for row in found}


@pytest.fixture
def logged(finished: LineConfig, rows: dict[str, dict[str, Any]]) -> "dict[str, MlflowRun]":
    from storage.tracking.store import open_tracking

    client = open_tracking(finished.layout).client
    return {name: client.get_run(row["run_id"]) for name, row in rows.items()}


def artifacts(layout: DataLayout, run: "MlflowRun", folder: str = "") -> set[str]:
    from storage.tracking.store import open_tracking

    found = open_tracking(layout).client.list_artifacts(run.info.run_id, folder)
    return {artifact.path for artifact in found}


def test_every_network_has_a_run_at_every_length(
    rows: dict[str, dict[str, Any]], logged: "dict[str, MlflowRun]"
) -> None:
    assert set(rows) == {"dense 1", "dense 1.5", "cnn 1", "cnn 1.5"}
    assert {run.info.status for run in logged.values()} == {"FINISHED"}
    assert len({row["comparison_id"] for row in rows.values()}) == 1


def test_a_run_names_what_it_was_made_from(
    finished: LineConfig, rows: dict[str, dict[str, Any]], logged: "dict[str, MlflowRun]"
) -> None:
    run, row = logged["cnn 1.5"], rows["cnn 1.5"]
    snapshots = query_rows(finished.layout, "select snapshot_id, feature_key from snapshots")

    tags, params = run.data.tags, run.data.params
    keys = {snapshot["snapshot_id"]: snapshot["feature_key"] for snapshot in snapshots}
    assert tags["snapshot_id"] == row["snapshot_id"]
    assert tags["feature_key"] == keys[row["snapshot_id"]]
    assert tags["mlflow.parentRunId"] == row["comparison_id"]
    assert (params["network"], params["fragment_s"], params["seed"]) == ("cnn", "1.5", "0")
    assert (params["max_epochs"], params["learning_rate"]) == ("3", "0.001")
    assert (params["n_train"], params["n_validation"], params["n_test"]) == ("36", "9", "9")
    assert params["n_parameters"] == str(row["n_parameters"])
    assert params["genres"] == "clicks, hiss, hums"


def test_a_run_has_one_point_an_epoch_on_each_curve(
    finished: LineConfig, rows: dict[str, dict[str, Any]], logged: "dict[str, MlflowRun]"
) -> None:
    from storage.tracking.store import open_tracking

    client, run_id = open_tracking(finished.layout).client, logged["cnn 1"].info.run_id
    curves = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    for curve in (*curves, "learning_rate"):
        points = client.get_metric_history(run_id, f"epoch_{curve}")
        assert [point.step for point in points] == list(range(1, rows["cnn 1"]["epochs"] + 1))


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("judged", JUDGED)
def test_a_run_is_scored_by_fragment_and_by_all_three_votes(
    logged: "dict[str, MlflowRun]", split: str, judged: str
) -> None:
    metrics = logged["dense 1"].data.metrics

    wanted = {f"{split}_{judged}_{measure}" for measure in MEASURES}
    by_genre = {f"{split}_{judged}_f1_{genre}" for genre in ("clicks", "hiss", "hums")}
    assert wanted | by_genre <= metrics.keys()


def test_a_run_keeps_its_figures_and_its_whole_confusion(
    finished: LineConfig, logged: "dict[str, MlflowRun]"
) -> None:
    run, layout = logged["cnn 1"], finished.layout

    assert artifacts(layout, run, "figures") == {
        "figures/curves.png",
        "figures/confusion_test_fragment.png",
        "figures/confusion_test_song_mean.png",
    }
    place = layout.mlflow_artifacts / run.info.run_id / "artifacts" / "confusion.json"
    confusion = json.loads(Path(place).read_text("utf-8"))
    assert confusion["genres"] == ["clicks", "hiss", "hums"]
    assert [sum(row) for row in confusion["test_fragment"]] == [3, 3, 3]
    assert [sum(row) for row in confusion["validation_song_vote"]] == [1, 1, 1]


def test_the_model_of_a_run_says_what_classifying_needs(
    finished: LineConfig, logged: "dict[str, MlflowRun]"
) -> None:
    from storage.tracking.models import load_features, load_network
    from storage.tracking.store import open_tracking

    tracking = open_tracking(finished.layout)
    model_id = logged["cnn 1.5"].outputs.model_outputs[0].model_id

    network = load_network(tracking, f"models:/{model_id}")
    document = load_features(tracking, f"models:/{model_id}")
    assert network.input_shape == (None, 12, 14)
    assert network.output_shape == (None, 3)
    assert document["genres"] == ["clicks", "hiss", "hums"]
    assert document["features"]["fragment_s"] == 1.5
    assert document["features"]["fragments"]["longest_s"] == 1.5


def test_the_catalog_and_mlflow_give_the_same_scores(
    rows: dict[str, dict[str, Any]], logged: "dict[str, MlflowRun]"
) -> None:
    for name, row in rows.items():
        metrics = logged[name].data.metrics
        assert row["validation_macro_f1"] == metrics["validation_song_mean_macro_f1"]
        assert row["test_macro_f1"] == metrics["test_song_mean_macro_f1"]
        assert row["test_accuracy"] == metrics["test_song_mean_accuracy"]


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("name", ["dense 1", "cnn 1", "cnn 1.5"])
def test_the_scores_are_those_of_the_predictions(
    finished: LineConfig, rows: dict[str, dict[str, Any]], split: str, name: str
) -> None:
    row = rows[name]
    predictions = query_rows(
        finished.layout,
        f"select * from predictions where run_id = '{row['run_id']}' and split = '{split}'",
    )

    genres, predicted = ([p[column] for p in predictions] for column in ("genre", "predicted"))
    macro_f1 = f1_score(genres, predicted, average="macro", labels=sorted(set(genres)))
    assert row[f"{split}_macro_f1"] == pytest.approx(macro_f1)


def test_predictions_are_of_the_validation_and_test_songs_alone(finished: LineConfig) -> None:
    statement = """
        select run_id, split, list(track_id order by track_id) as songs
        from {} group by all order by all
    """
    judged = statement.format("predictions")
    placed = statement.format(
        "(select run_id, track_id, split from runs join splits using (snapshot_id) "
        "where split <> 'train')"
    )

    assert query_rows(finished.layout, judged) == query_rows(finished.layout, placed)

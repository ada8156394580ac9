"""Train and evaluate: what MLflow and the catalog say of a run, and that they agree."""

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, top_k_accuracy_score

from flows.settings import Settings
from genre_core.evaluation.calibration import fit_temperature
from storage.catalog.publish import query_rows
from storage.home import DataLayout

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

    from storage.models.store import Tracking

pytestmark = [pytest.mark.flow, pytest.mark.keras]

MEASURES = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
SCORED = ("fragment", "song_mean", "song_maximum", "song_vote", "song_log_mean")


@pytest.fixture
def rows(finished: Settings) -> dict[str, dict[str, Any]]:
    found = query_rows(finished.layout, "select * from runs order by started_at")
    return {f"{row['network']} {row['fragment_s']:g}": row for row in found}


@pytest.fixture
def tracking(finished: Settings) -> "Tracking":
    from storage.models.store import open_tracking

    return open_tracking(finished.layout)


@pytest.fixture
def logged(tracking: "Tracking", rows: dict[str, dict[str, Any]]) -> "dict[str, MlflowRun]":
    return {name: tracking.client.get_run(row["run_id"]) for name, row in rows.items()}


def read_predictions(config: Settings, run_id: str, split: str) -> tuple[list[int], np.ndarray]:
    """Labels and probabilities of the songs of a split."""
    found = query_rows(
        config.layout,
        "select predictions.genre, probabilities, genres from predictions join runs using (run_id) "
        f"join snapshots using (snapshot_id) where run_id = '{run_id}' and split = '{split}'",
    )
    labels = [row["genres"].index(row["genre"]) for row in found]
    return labels, np.array([row["probabilities"] for row in found])


def read_artifact(layout: DataLayout, run_id: str, name: str) -> dict[str, Any]:
    place = layout.mlflow_artifacts / run_id / "artifacts" / f"{name}.json"
    return json.loads(place.read_text("utf-8"))


def test_every_network_has_a_run_at_every_length(
    rows: dict[str, dict[str, Any]], logged: "dict[str, MlflowRun]"
) -> None:
    assert set(rows) == {"dense 1", "dense 1.5", "cnn 1", "cnn 1.5"}
    assert {run.info.status for run in logged.values()} == {"FINISHED"}
    assert len({row["comparison_id"] for row in rows.values()}) == 1


def test_a_run_names_what_it_was_made_from(
    finished: Settings, rows: dict[str, dict[str, Any]], logged: "dict[str, MlflowRun]"
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
    tracking: "Tracking", rows: dict[str, dict[str, Any]]
) -> None:
    run_id, epochs = rows["cnn 1"]["run_id"], rows["cnn 1"]["epochs"]
    curves = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    for curve in (*curves, "learning_rate"):
        points = tracking.client.get_metric_history(run_id, f"epoch_{curve}")
        assert [point.step for point in points] == list(range(1, epochs + 1))


def test_a_run_is_scored_by_fragment_and_by_every_vote(logged: "dict[str, MlflowRun]") -> None:
    measures = (*MEASURES, "f1_clicks", "f1_hiss", "f1_hums")
    wanted = product(("validation", "test"), SCORED, measures)

    assert {"_".join(names) for names in wanted} <= logged["dense 1"].data.metrics.keys()


def test_a_run_keeps_figures_confusion_intervals_calibration_and_scores_by_number_of_fragments(
    tracking: "Tracking", logged: "dict[str, MlflowRun]"
) -> None:
    run_id, metrics = logged["cnn 1"].info.run_id, logged["cnn 1"].data.metrics

    figures = {file.path for file in tracking.client.list_artifacts(run_id, "figures")}
    confusion, intervals, calibration, aggregation = (
        read_artifact(tracking.layout, run_id, name)
        for name in ("confusion", "intervals", "calibration", "aggregation")
    )

    assert figures == {
        "figures/curves.png",
        "figures/confusion_test_fragment.png",
        "figures/confusion_test_song_mean.png",
        "figures/reliability_test_song_mean.png",
        "figures/coverage_test_song_mean.png",
        "figures/aggregation.png",
    }
    assert confusion["genres"] == ["clicks", "hiss", "hums"]
    assert [sum(row) for row in confusion["test_fragment"]] == [3, 3, 3]
    assert [sum(row) for row in confusion["validation_song_vote"]] == [1, 1, 1]
    name = "test_song_mean_macro_f1"
    assert intervals["test_song_mean"]["macro_f1"] == pytest.approx(
        [metrics[name], metrics[f"{name}_low"], metrics[f"{name}_high"]]
    )
    assert set(intervals["validation_fragment"]["recall"]) == {"clicks", "hiss", "hums"}
    assert sum(calibration["as_trained"]["n_songs"]) == 3
    assert calibration["as_trained"]["ece"] == metrics["test_song_mean_ece"]
    assert calibration["tempered"]["ece"] == metrics["test_song_mean_ece_calibrated"]
    by_count = [(row["vote"], row["n_fragments"]) for row in aggregation["test"][:3]]
    assert by_count == [("mean", 1), ("mean", 2), ("mean", 3)]
    assert aggregation["test"][2]["accuracy"][0] == metrics["test_song_mean_accuracy"]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_run_says_how_sure_it_is_and_what_abstaining_would_give(
    finished: Settings,
    rows: dict[str, dict[str, Any]],
    logged: "dict[str, MlflowRun]",
    split: str,
) -> None:
    labels, said = read_predictions(finished, rows["dense 1"]["run_id"], split)

    metrics = logged["dense 1"].data.metrics
    name = f"{split}_song_mean"
    assert metrics[f"{name}_log_loss"] == pytest.approx(log_loss(labels, said, labels=range(3)))
    assert metrics[f"{name}_top2_accuracy"] == pytest.approx(
        top_k_accuracy_score(labels, said, k=2, labels=range(3))
    )
    assert 0 <= metrics[f"{name}_aurc"] <= 1


def test_the_temperature_is_fitted_on_validation_songs_and_kept_beside_the_features(
    finished: Settings, tracking: "Tracking", logged: "dict[str, MlflowRun]"
) -> None:
    from storage.models.logged import describe_model

    run = logged["dense 1"]
    labels, said = read_predictions(finished, run.info.run_id, "validation")

    uri = f"models:/{run.outputs.model_outputs[0].model_id}"
    temperature = describe_model(tracking, uri).temperature
    assert temperature == run.data.metrics["temperature"]
    assert temperature == pytest.approx(fit_temperature(said, np.array(labels)), rel=1e-3)


def test_predictions_of_spectrograms_have_a_confidence_and_alternatives_and_no_unknown(
    finished: Settings, rows: dict[str, dict[str, Any]], logged: "dict[str, MlflowRun]"
) -> None:
    """Of six validation songs none can promise nine tenths: every set holds all genres."""
    run_id = rows["dense 1"]["run_id"]
    predictions = query_rows(
        finished.layout, f"select * from predictions where run_id = '{run_id}' order by track_id"
    )

    metrics = logged["dense 1"].data.metrics
    said = np.array([p["probabilities"] for p in predictions])
    powers = said ** (1 / metrics["temperature"])
    expected = (powers / powers.sum(axis=1, keepdims=True)).max(axis=1)
    assert [p["confidence"] for p in predictions] == pytest.approx(expected.tolist(), abs=1e-4)
    assert {p["unknown"] for p in predictions} == {None}
    assert metrics["least_probability"] == 0
    assert all(set(p["alternatives"]) == {"clicks", "hiss", "hums"} for p in predictions)
    assert all(p["alternatives"][0] == p["predicted"] for p in predictions)
    assert metrics["test_song_mean_set_coverage"] == 1
    assert metrics["test_song_mean_set_size"] == 3


def test_the_model_of_a_run_has_what_classifying_needs(
    tracking: "Tracking", logged: "dict[str, MlflowRun]"
) -> None:
    from storage.models.logged import describe_model, load_model

    model_id = logged["cnn 1.5"].outputs.model_outputs[0].model_id

    network = load_model(tracking, f"models:/{model_id}")
    document = describe_model(tracking, f"models:/{model_id}").document
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
        for score in ("validation_macro_f1", "test_macro_f1", "test_accuracy"):
            split, measure = score.split("_", 1)
            for end in ("low", "high"):
                assert row[f"{score}_{end}"] == metrics[f"{split}_song_mean_{measure}_{end}"]
            assert row[f"{score}_low"] <= row[score] <= row[f"{score}_high"]


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("name", ["dense 1", "cnn 1", "cnn 1.5"])
def test_the_scores_are_those_of_the_predictions(
    finished: Settings, rows: dict[str, dict[str, Any]], split: str, name: str
) -> None:
    row = rows[name]
    predictions = query_rows(
        finished.layout,
        f"select * from predictions where run_id = '{row['run_id']}' and split = '{split}'",
    )

    genres, predicted = ([p[column] for p in predictions] for column in ("genre", "predicted"))
    macro_f1 = f1_score(genres, predicted, average="macro", labels=sorted(set(genres)))
    assert row[f"{split}_macro_f1"] == pytest.approx(macro_f1)


def test_the_probabilities_of_a_prediction_are_in_the_order_of_the_genres(
    finished: Settings,
) -> None:
    statement = """
        select count(*) as n, count(*) filter (
            genres[list_position(probabilities, list_max(probabilities))] = predicted
            and list_max(probabilities) = probability and abs(list_sum(probabilities) - 1) < 1e-6
        ) as fitting
        from predictions join runs using (run_id) join snapshots using (snapshot_id)
    """

    counts = query_rows(finished.layout, statement)[0]

    assert counts["n"] == 24
    assert counts["fitting"] == 24


def test_a_comparison_keeps_its_figure_and_how_the_networks_stand_to_the_best(
    finished: Settings, rows: dict[str, dict[str, Any]]
) -> None:
    comparison_id = rows["cnn 1"]["comparison_id"]
    folder = finished.layout.mlflow_artifacts / comparison_id / "artifacts"

    document = json.loads((folder / "comparison.json").read_text("utf-8"))

    assert (folder / "figures" / "comparison.png").exists()
    assert {group["name"] for group in document["groups"]} == {
        *("dense 1 s", "dense 1.5 s", "cnn 1 s", "cnn 1.5 s")
    }
    assert len(document["differences"]) == 3


def test_predictions_are_of_the_validation_and_test_songs_alone(finished: Settings) -> None:
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


def test_a_run_tells_which_flow_run_made_it_and_what_its_examples_digest_to(
    logged: "dict[str, MlflowRun]",
) -> None:
    tags = logged["cnn 1.5"].data.tags

    assert len(tags["prefect.flow_run_id"]) == 36
    assert tags["prefect.flow_run_name"] in tags["mlflow.note.content"]
    assert tags["prefect.flow_run_url"] in tags["mlflow.note.content"]
    assert len(tags["examples_digest"]) == 16
    assert tags["examples_digest"] == logged["dense 1.5"].data.tags["examples_digest"]
    assert tags["examples_digest"] != logged["cnn 1"].data.tags["examples_digest"]

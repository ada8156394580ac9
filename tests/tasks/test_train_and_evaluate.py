"""Train and evaluate: what MLflow and the catalog hold of a run, and that they agree."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, top_k_accuracy_score

from flows.settings import Settings
from genre_core.evaluation.calibration import fit_temperature
from storage.catalog.query import query_rows

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

    from storage.models.store import Tracking

pytestmark = [pytest.mark.flow, pytest.mark.keras]

Row = dict[str, Any]
GENRES = ("clicks", "hiss", "hums")
MEASURES = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
SCORED = ("fragment", "song_mean", "song_maximum", "song_vote", "song_log_mean")


def tracking_of(config: Settings) -> "Tracking":
    from storage.models.store import open_tracking

    return open_tracking(config.layout)


@pytest.fixture
def rows(finished: Settings) -> dict[str, Row]:
    found = query_rows(finished.layout, "select * from runs order by started_at")
    return {f"{row['network']} {row['fragment_s']:g}": row for row in found}


@pytest.fixture
def logged(finished: Settings, rows: dict[str, Row]) -> "dict[str, MlflowRun]":
    client = tracking_of(finished).client
    return {name: client.get_run(row["run_id"]) for name, row in rows.items()}


def model_uri(run: "MlflowRun") -> str:
    return f"models:/{run.outputs.model_outputs[0].model_id}"


def document(config: Settings, run_id: str, name: str) -> Row:
    place = config.layout.mlflow_artifacts / run_id / "artifacts" / f"{name}.json"
    found: Row = json.loads(place.read_text("utf-8"))
    return found


def predictions(config: Settings, run_id: str, split: str = "") -> list[Row]:
    return query_rows(
        config.layout,
        "select predictions.*, genres from predictions join runs using (run_id) join snapshots "
        f"using (snapshot_id) where run_id = '{run_id}' and split like '%{split}'",
    )


def labels_and_probabilities(found: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.array([p["genres"].index(p["genre"]) for p in found])
    return labels, np.array([p["probabilities"] for p in found])


def test_every_network_has_a_run_at_every_length(
    rows: dict[str, Row], logged: "dict[str, MlflowRun]"
) -> None:
    assert set(rows) == {"dense 1", "dense 1.5", "cnn 1", "cnn 1.5"}
    assert {run.info.status for run in logged.values()} == {"FINISHED"}
    assert len({row["comparison_id"] for row in rows.values()}) == 1


def test_a_run_names_what_it_was_made_from(
    finished: Settings, rows: dict[str, Row], logged: "dict[str, MlflowRun]"
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
    assert params["precision"] == "float32, channels_last"
    assert (params["threads"], params["onednn"], params["fitting"]) == ("1", "1", "2")
    assert "on tensorflow" in params["keras"]
    assert params["n_parameters"] == str(row["n_parameters"])
    assert params["genres"] == ", ".join(GENRES)
    digests = {name: run.data.tags["examples_digest"] for name, run in logged.items()}
    assert len(digests["cnn 1.5"]) == 16
    assert digests["cnn 1.5"] == digests["dense 1.5"] != digests["cnn 1"]


def test_a_run_has_one_point_an_epoch_on_each_curve(
    finished: Settings, rows: dict[str, Row]
) -> None:
    client, row = tracking_of(finished).client, rows["cnn 1"]
    curves = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    for curve in (*curves, "learning_rate"):
        points = client.get_metric_history(row["run_id"], f"epoch_{curve}")
        assert [point.step for point in points] == list(range(1, row["epochs"] + 1))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_run_is_scored_by_fragment_and_by_every_vote(
    logged: "dict[str, MlflowRun]", split: str
) -> None:
    metrics = logged["dense 1"].data.metrics

    for scored in SCORED:
        by_genre = {f"{split}_{scored}_f1_{genre}" for genre in GENRES}
        assert {f"{split}_{scored}_{measure}" for measure in MEASURES} <= metrics.keys()
        assert by_genre <= metrics.keys()


def test_a_run_keeps_its_figures_confusion_intervals_calibration_and_scores_by_count(
    finished: Settings, logged: "dict[str, MlflowRun]"
) -> None:
    run_id, metrics = logged["cnn 1"].info.run_id, logged["cnn 1"].data.metrics
    figures = tracking_of(finished).client.list_artifacts(run_id, "figures")
    confusion, intervals, calibration, aggregation = (
        document(finished, run_id, name)
        for name in ("confusion", "intervals", "calibration", "aggregation")
    )

    assert {figure.path.removeprefix("figures/") for figure in figures} == {
        "curves.png",
        "confusion_test_fragment.png",
        "confusion_test_song_mean.png",
        "reliability_test_song_mean.png",
        "coverage_test_song_mean.png",
        "aggregation.png",
    }
    assert confusion["genres"] == list(GENRES)
    assert [sum(row) for row in confusion["test_fragment"]] == [3, 3, 3]
    assert [sum(row) for row in confusion["validation_song_vote"]] == [1, 1, 1]
    macro_f1 = [metrics[f"test_song_mean_macro_f1{end}"] for end in ("", "_low", "_high")]
    assert intervals["test_song_mean"]["macro_f1"] == pytest.approx(macro_f1)
    assert set(intervals["validation_fragment"]["recall"]) == set(GENRES)
    assert sum(calibration["as_trained"]["n_songs"]) == 3
    assert calibration["as_trained"]["ece"] == metrics["test_song_mean_ece"]
    assert calibration["tempered"]["ece"] == metrics["test_song_mean_ece_calibrated"]
    by_count = [(row["vote"], row["n_fragments"]) for row in aggregation["test"][:3]]
    assert by_count == [("mean", 1), ("mean", 2), ("mean", 3)]
    accuracy = aggregation["test"][2]["accuracy"][0]
    assert accuracy == pytest.approx(metrics["test_song_mean_accuracy"])


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_run_has_the_losses_and_top_accuracy_of_its_predictions(
    finished: Settings, logged: "dict[str, MlflowRun]", split: str
) -> None:
    run, name = logged["dense 1"], f"{split}_song_mean"
    labels, predicted = labels_and_probabilities(predictions(finished, run.info.run_id, split))

    metrics = run.data.metrics

    expected = log_loss(labels, predicted, labels=range(3))
    assert metrics[f"{name}_log_loss"] == pytest.approx(expected)
    assert metrics[f"{name}_top2_accuracy"] == pytest.approx(
        top_k_accuracy_score(labels, predicted, k=2, labels=range(3))
    )
    assert 0 <= metrics[f"{name}_aurc"] <= 1


def test_confidence_is_tempered_by_what_validation_songs_gave_and_every_set_has_all_genres(
    finished: Settings, rows: dict[str, Row], logged: "dict[str, MlflowRun]"
) -> None:
    """Of three validation songs none can promise nine tenths: every set contains all genres."""
    from storage.models.logged import describe_model

    temperatures = []
    for name, row in rows.items():
        found, metrics = predictions(finished, row["run_id"]), logged[name].data.metrics
        model = describe_model(tracking_of(finished), model_uri(logged[name]))
        temperatures.append(metrics["temperature"])
        validation = labels_and_probabilities([p for p in found if p["split"] == "validation"])
        fitted = fit_temperature(validation[1], validation[0])
        assert model.temperature == metrics["temperature"] == pytest.approx(fitted, rel=1e-3)
        powers = labels_and_probabilities(found)[1] ** (1 / metrics["temperature"])
        expected = (powers / powers.sum(axis=1, keepdims=True)).max(axis=1)
        assert [p["confidence"] for p in found] == pytest.approx(expected.tolist(), abs=1e-4)
        assert {p["unknown"] for p in found} == {None}
        assert all(set(p["alternatives"]) == set(GENRES) for p in found)
        assert all(p["alternatives"][0] == p["predicted"] for p in found)
        assert metrics["least_probability"] == 0
        assert metrics["test_song_mean_set_coverage"] == 1
        assert metrics["test_song_mean_set_size"] == 3
    assert any(abs(temperature - 1) > 0.05 for temperature in temperatures)


def test_the_model_of_a_run_describes_what_classifying_needs(
    finished: Settings, logged: "dict[str, MlflowRun]"
) -> None:
    from storage.models.logged import describe_model, load_model

    tracking, uri = tracking_of(finished), model_uri(logged["cnn 1.5"])

    network, described = load_model(tracking, uri), describe_model(tracking, uri).document

    assert network.input_shape == (None, 12, 14)
    assert network.output_shape == (None, 3)
    assert described["genres"] == list(GENRES)
    assert described["features"]["fragment_s"] == 1.5
    assert described["features"]["fragments"]["longest_s"] == 1.5


def test_the_catalog_and_mlflow_hold_the_same_scores_which_are_those_of_the_predictions(
    finished: Settings, rows: dict[str, Row], logged: "dict[str, MlflowRun]"
) -> None:
    for name, row in rows.items():
        metrics = logged[name].data.metrics
        for score in ("validation_macro_f1", "test_macro_f1", "test_accuracy"):
            split, measure = score.split("_", 1)
            for end in ("", "_low", "_high"):
                assert row[f"{score}{end}"] == metrics[f"{split}_song_mean_{measure}{end}"]
            assert row[f"{score}_low"] <= row[score] <= row[f"{score}_high"]
        for split in ("validation", "test"):
            found = predictions(finished, row["run_id"], split)
            genres, predicted = ([p[column] for p in found] for column in ("genre", "predicted"))
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

    assert (counts["n"], counts["fitting"]) == (24, 24)


def test_a_comparison_keeps_its_figure_and_the_differences_to_the_best(
    finished: Settings, rows: dict[str, Row]
) -> None:
    comparison_id = rows["cnn 1"]["comparison_id"]
    folder = finished.layout.mlflow_artifacts / comparison_id / "artifacts"

    comparison = document(finished, comparison_id, "comparison")

    assert (folder / "figures" / "comparison.png").exists()
    assert {group["name"] for group in comparison["groups"]} == {f"{name} s" for name in rows}
    assert len(comparison["differences"]) == 3


def test_predictions_are_of_the_validation_and_test_songs_alone(finished: Settings) -> None:
    statement = """
        select run_id, split, list(track_id order by track_id) as songs
        from {} group by all order by all
    """
    predicted = statement.format("predictions")
    assigned = statement.format(
        "(select run_id, track_id, split from runs join splits using (snapshot_id) "
        "where split <> 'train')"
    )

    assert query_rows(finished.layout, predicted) == query_rows(finished.layout, assigned)

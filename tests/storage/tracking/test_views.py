"""The views of a comparison, as MLflow's pages read them."""

import json

from storage.models.runs import start_comparison
from storage.models.store import Tracking
from storage.models.views import View, share_views, view_path


def shared(tracking: Tracking, view: View) -> dict[str, object]:
    experiment = tracking.client.get_experiment(tracking.experiment_id)
    return json.loads(experiment.tags[f"mlflow.sharedViewState.{view}"])


def test_a_comparison_brings_the_views_to_read_it_by(tracking: Tracking) -> None:
    start_comparison(tracking, "two networks", {})

    experiment = tracking.client.get_experiment(tracking.experiment_id)
    assert {"mlflow.sharedViewState.table", "mlflow.sharedViewState.charts"} <= set(experiment.tags)


def test_the_table_shows_what_is_compared_the_best_run_first(tracking: Tracking) -> None:
    share_views(tracking)

    table = shared(tracking, View.TABLE)
    assert table["orderByKey"] == "metrics.`validation_song_mean_macro_f1`"
    assert table["orderByAsc"] is False
    assert table["selectedColumns"][:2] == [
        "metrics.`validation_song_mean_macro_f1`",
        "metrics.`test_song_mean_macro_f1`",
    ]
    assert {"params.`network`", "params.`fragment_s`"} <= set(table["selectedColumns"])


def test_each_chart_stands_once_and_in_a_section_that_exists(tracking: Tracking) -> None:
    share_views(tracking)

    charts = shared(tracking, View.CHARTS)
    identifiers = [chart["uuid"] for chart in charts["compareRunCharts"]]
    sections = {section["uuid"] for section in charts["compareRunSections"]}
    assert len(identifiers) == len(set(identifiers))
    assert {chart["metricSectionId"] for chart in charts["compareRunCharts"]} == sections


def test_the_address_of_a_view_names_the_experiment_and_the_view(tracking: Tracking) -> None:
    path = view_path(tracking, View.TABLE)

    expected = f"/#/experiments/{tracking.experiment_id}/runs?workflowType=machine_learning"
    assert path == f"{expected}&viewStateShareKey=table"

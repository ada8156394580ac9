"""The two views of a comparison in MLflow's pages: a table and charts, ready to be opened.

The pages show neither parameters nor scores, and hide the runs below their comparison, until
one has chosen columns and a sort order. A view shared through a tag of the experiment has them.
"""

import json
from enum import StrEnum

from storage.models.store import Tracking

SCORE = "validation_song_mean_macro_f1"
PARAMS = ("network", "representation", "fragment_s", "seed", "n_parameters")
METRICS = (
    SCORE,
    "test_song_mean_macro_f1",
    "test_song_mean_accuracy",
    "test_fragment_accuracy",
)
CURVES = (
    "epoch_validation_accuracy",
    "epoch_train_accuracy",
    "epoch_validation_loss",
    "epoch_train_loss",
)
SECTION = "comparison"
PIXELS_PER_LETTER = 7
STEPS = {"xAxisKey": "step", "useGlobalXaxisKey": True, "useGlobalLineSmoothing": True}
FACETS = {
    "searchFilter": "tags.kind = 'training'",
    "orderByKey": f"metrics.`{SCORE}`",
    "orderByAsc": False,
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "modelVersionFilter": "All Runs",
    "datasetsFilter": [],
}


class View(StrEnum):
    """A way to look at the runs of all comparisons."""

    TABLE = "table"
    CHARTS = "charts"


def share_views(tracking: Tracking) -> None:
    """Write both views into the experiment, for whoever opens their addresses."""
    for view, state in ((View.TABLE, _table()), (View.CHARTS, _charts())):
        name = f"mlflow.sharedViewState.{view}"
        tracking.client.set_experiment_tag(tracking.experiment_id, name, json.dumps(state))


def view_path(tracking: Tracking, view: View) -> str:
    """The address of a view below that of MLflow's server."""
    mode = "&compareRunsMode=CHART" if view is View.CHARTS else ""
    runs = f"/#/experiments/{tracking.experiment_id}/runs"
    return f"{runs}?workflowType=machine_learning&viewStateShareKey={view}{mode}"


def _table() -> dict[str, object]:
    """Columns of what a comparison varies and of what it finds."""
    columns = [f"metrics.`{name}`" for name in METRICS] + [f"params.`{name}`" for name in PARAMS]
    widths = {column: PIXELS_PER_LETTER * len(column) for column in columns}
    return {
        **FACETS,
        "selectedColumns": columns,
        "columnOrder": columns,
        "columnWidths": widths,
    }


def _charts() -> dict[str, object]:
    """How score depends on network and length, the scores, and the curves of the epochs."""
    depends = {"selectedParams": ["network", "fragment_s"], "selectedMetrics": [SCORE]}
    charts = [
        _chart("PARALLEL", "parallel", displayName="", showAllRuns=True, **depends),
        *(_chart("BAR", name, metricKey=name, displayName=name) for name in METRICS),
        *(_chart("LINE", name, metricKey=name, displayName=name, **STEPS) for name in CURVES),
    ]
    section = {"uuid": SECTION, "name": "Comparison", "display": True, "isReordered": False}
    return {
        **_table(),
        "compareRunCharts": charts,
        "compareRunSections": [section],
        "runsHiddenMode": "SHOW_ALL",
        "isAccordionReordered": True,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0},
    }


def _chart(kind: str, name: str, **settings: object) -> dict[str, object]:
    """One chart, as MLflow's pages store it."""
    place = {"uuid": name, "type": kind, "metricSectionId": SECTION}
    return {**place, "runsCountToCompare": 100, "deleted": False, "isGenerated": False, **settings}

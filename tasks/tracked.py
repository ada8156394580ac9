"""The store of runs, opened so that each new run names the flow run that made it."""

import sys
from typing import TYPE_CHECKING, Any

from storage.home import DataLayout
from tasks.keras_import import import_training
from tasks.orchestrator import flow_run
from tasks.terminal import announce

if TYPE_CHECKING:
    from storage.models.store import Tracking

DESCRIPTION = "mlflow.note.content"


def open_tracked(layout: DataLayout) -> "Tracking":
    """Open the store of runs and models for a step of a flow run, which tags its runs."""
    if "mlflow" not in sys.modules:
        announce("Opening MLflow's store of runs")
    from storage.models.store import open_tracking

    return open_tracking(layout, _flow_run_tags())


def _flow_run_tags() -> dict[str, str]:
    """Id, name and, if Prefect's pages have an address, page of this flow run; none outside one.

    The description, which MLflow shows as Markdown, links to that page.
    """
    flow_run_id = flow_run.get_id()
    if flow_run_id is None:
        return {}
    from prefect.settings import PREFECT_UI_URL

    name = str(flow_run.get_name() or "")
    tags = {"prefect.flow_run_id": flow_run_id, "prefect.flow_run_name": name}
    if not PREFECT_UI_URL.value():
        return {**tags, DESCRIPTION: f"Made by the flow run `{name}` of Prefect, {flow_run_id}."}
    page = str(flow_run.get_flow_run_ui_url())
    made_by = f"Made by the flow run [{name}]({page}) of Prefect."
    return {**tags, "prefect.flow_run_url": page, DESCRIPTION: made_by}


def load_model(layout: DataLayout, model_uri: str) -> Any:  # noqa: ANN401 - a keras.Model
    """Load a trained network."""
    import_training()
    from storage.models import logged

    return logged.load_model(open_tracked(layout), model_uri)

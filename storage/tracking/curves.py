"""Curves and settings of finished trainings, read back."""

import json
import tempfile
from pathlib import Path
from typing import Any

from storage.tracking.store import Tracking


def read_curve(tracking: Tracking, run_id: str, measure: str) -> list[float]:
    """Give one point an epoch of a curve such as ``validation_accuracy``, from epoch 1 on."""
    points = tracking.client.get_metric_history(run_id, f"epoch_{measure}")
    return [point.value for point in sorted(points, key=lambda point: point.step)]


def read_params(tracking: Tracking, run_id: str) -> dict[str, str]:
    """Give the parameters of a run, as they were logged."""
    return dict(tracking.client.get_run(run_id).data.params)


def read_tags(tracking: Tracking, run_id: str) -> dict[str, str]:
    """Give the tags of a run."""
    return dict(tracking.client.get_run(run_id).data.tags)


def read_document(tracking: Tracking, run_id: str, name: str) -> dict[str, Any]:
    """Return a document that `runs.log_json` kept with a run."""
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path = tracking.client.download_artifacts(run_id, f"{name}.json", folder)
        return json.loads(Path(path).read_text("utf-8"))

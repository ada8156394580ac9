"""Comparisons and their runs: parameters, curves, scores, figures, and how they ended."""

import json
import logging
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunStatus

from genre_core.representations.features import name_features
from storage.models.store import Tracking
from storage.models.views import share_views

PROJECT = Path(__file__).parents[2]


@cache
def git_commit(project: Path = PROJECT) -> str:
    """The commit that ``project`` has checked out; empty where it is no checkout of its own."""
    if not (project / ".git").exists():
        return ""
    command = ["git", "-C", str(project), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git on this machine
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


Parameter = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCell:
    """What one training of a comparison varies and keeps.

    Attributes
    ----------
    fragment_s : float
        Length of a fragment, seconds.
    genres : tuple of str
        In the order of the labels.
    n_train, n_validation, n_test : int
        Examples in each split.
    examples_digest : str
        Of the training and validation examples themselves; empty where it is not known.
    config : mapping
        The settings of the training, flat: ``batch_size``, ``learning_rate`` …
    """

    network: str
    representation: str
    fragment_s: float
    seed: int
    snapshot_id: str
    feature_key: str
    genres: tuple[str, ...]
    n_train: int
    n_validation: int
    n_test: int
    examples_digest: str = ""
    config: Mapping[str, Parameter] = field(default_factory=dict)


def run_name(cell: RunCell) -> str:
    """What tells the runs of one comparison apart: ``cnn 1.5 s seed 0``."""
    return f"{cell.network} {name_features(cell.representation, cell.fragment_s)} seed {cell.seed}"


def run_params(cell: RunCell) -> dict[str, str]:
    """The parameters that every run has, under the same names and in the same notation.

    Raises
    ------
    ValueError
        If a setting of the training bears the name of one of them.
    """
    params: dict[str, Parameter] = {
        "network": cell.network,
        "representation": cell.representation,
        "fragment_s": cell.fragment_s,
        "seed": cell.seed,
        "genres": ", ".join(cell.genres),
        "n_genres": len(cell.genres),
        "n_train": cell.n_train,
        "n_validation": cell.n_validation,
        "n_test": cell.n_test,
    }
    if doubled := params.keys() & cell.config.keys():
        raise ValueError(f"config must not set {', '.join(sorted(doubled))}: the cell does")
    return {name: _notation(value) for name, value in (params | dict(cell.config)).items()}


def run_tags(cell: RunCell) -> dict[str, str]:
    """The tags that tell which examples a run learnt from."""
    tags = {"snapshot_id": cell.snapshot_id, "feature_key": cell.feature_key}
    return tags | ({"examples_digest": cell.examples_digest} if cell.examples_digest else {})


def _notation(value: Parameter) -> str:
    """One notation a number, so that 3 and 3.0 are one value to the eye and to a filter."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)


DIGEST_CHARACTERS = 36  # MLflow's limit for the digest of a dataset

logger = logging.getLogger(__name__)


def start_comparison(tracking: Tracking, name: str, tags: Mapping[str, str]) -> str:
    """Start the parent run of a comparison, with the views to read it by; give its id."""
    share_views(tracking)
    return _create_run(tracking, name, {"kind": "comparison", **tags})


def start_report(tracking: Tracking, name: str, tags: Mapping[str, str]) -> str:
    """Start the run of a report; give its id."""
    return _create_run(tracking, name, {"kind": "report", **tags})


def resume_comparison(tracking: Tracking, name: str, tags: Mapping[str, str], sweep_id: str) -> str:
    """Open the parent run of a sweep again, or start it if there is none yet; give its id.

    What made it fail before is forgotten.
    """
    found = tracking.client.search_runs(
        [tracking.experiment_id], f"tags.sweep_id = '{sweep_id}'", max_results=1
    )
    if not found:
        return start_comparison(tracking, name, {**tags, "sweep_id": sweep_id})
    run_id = str(found[0].info.run_id)
    if "failure" in found[0].data.tags:
        tracking.client.delete_tag(run_id, "failure")
    tracking.client.update_run(run_id, RunStatus.to_string(RunStatus.RUNNING))
    return run_id


def start_run(tracking: Tracking, parent_run_id: str, cell: RunCell) -> str:
    """Start the run of one training below its comparison; give its id."""
    tags = {"kind": "training", "mlflow.parentRunId": parent_run_id, **run_tags(cell)}
    params = run_params(cell)
    run_id = _create_run(tracking, run_name(cell), tags)
    try:
        log_params(tracking, run_id, params)
        tracking.client.log_inputs(run_id, [_dataset(tracking, cell)])
    except BaseException as error:
        fail_run(tracking, run_id, error)
        raise
    return run_id


@contextmanager
def comparison(tracking: Tracking, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """Open a comparison and close it as it ends: finished, failed or killed."""
    run_id = start_comparison(tracking, name, tags)
    with _ended(tracking, run_id):
        yield run_id


@contextmanager
def training_run(tracking: Tracking, parent_run_id: str, cell: RunCell) -> Iterator[str]:
    """Open the run of one training and close it as it ends: finished, failed or killed."""
    run_id = start_run(tracking, parent_run_id, cell)
    with _ended(tracking, run_id):
        yield run_id


@contextmanager
def audit_run(tracking: Tracking, tags: Mapping[str, str]) -> Iterator[str]:
    """Open the run of an audit and close it as it ends: finished, failed or killed."""
    run_id = _create_run(tracking, "audit", {"kind": "audit", **tags})
    with _ended(tracking, run_id):
        yield run_id


@contextmanager
def ladder_run(tracking: Tracking, tags: Mapping[str, str]) -> Iterator[str]:
    """Open the run of a ladder and close it as it ends: finished, failed or killed."""
    run_id = _create_run(tracking, "ladder", {"kind": "ladder", **tags})
    with _ended(tracking, run_id):
        yield run_id


def log_reproduction(tracking: Tracking, found: Mapping[str, object], succeeded: bool) -> None:
    """Log a training that was done again: a run below a parent of its own."""
    told = {"reproduced_run_id": str(found["run_id"]), "reproduced": str(succeeded).lower()}
    parent_id = _create_run(tracking, "reproductions", {"kind": "reproductions", **told})
    with _ended(tracking, parent_id):
        tags = {"kind": "reproduction", "mlflow.parentRunId": parent_id, **told}
        run_id = _create_run(tracking, f"reproduction of {found['run_id']}", tags)
        with _ended(tracking, run_id):
            log_json(tracking, run_id, found, "reproduction")


def log_params(tracking: Tracking, run_id: str, params: Mapping[str, Parameter]) -> None:
    """Log what is known only after the start of the run, such as ``n_parameters``."""
    batch = [Param(name, str(value)) for name, value in params.items()]
    tracking.client.log_batch(run_id, params=batch)


def log_epoch(tracking: Tracking, run_id: str, scores: Mapping[str, float], epoch: int) -> None:
    """Log one point of each curve, all in one transaction; ``epoch`` counts from 1."""
    _log_metrics(tracking, run_id, scores, step=epoch)


def log_scores(tracking: Tracking, run_id: str, metrics: Mapping[str, float]) -> None:
    """Log the scores of the whole run, on its page and on that of the network it logged."""
    outputs = tracking.client.get_run(run_id).outputs
    models = outputs.model_outputs if outputs else []
    _log_metrics(tracking, run_id, metrics, model_id=models[-1].model_id if models else None)


def log_figure(tracking: Tracking, run_id: str, figure: Figure, name: str) -> None:
    """Keep a figure as ``figures/<name>.png``."""
    tracking.client.log_figure(run_id, figure, f"figures/{name}.png")


def log_image(tracking: Tracking, run_id: str, path: Path) -> None:
    """Keep a figure that has been drawn to a file as ``figures/<its name>``."""
    tracking.client.log_artifact(run_id, str(path), "figures")


def log_file(tracking: Tracking, run_id: str, path: Path) -> None:
    """Keep a page under its own name."""
    tracking.client.log_artifact(run_id, str(path))


def log_json(tracking: Tracking, run_id: str, document: Mapping[str, object], name: str) -> None:
    """Keep a document as ``<name>.json``."""
    tracking.client.log_dict(run_id, dict(document), f"{name}.json")


def finish_run(tracking: Tracking, run_id: str) -> None:
    """Close a run that ended well."""
    tracking.client.set_terminated(run_id, RunStatus.to_string(RunStatus.FINISHED))


def fail_run(tracking: Tracking, run_id: str, error: BaseException) -> None:
    """Close a run that raised; its tag ``failure`` says what."""
    status = RunStatus.FAILED if isinstance(error, Exception) else RunStatus.KILLED
    tracking.client.set_terminated(run_id, RunStatus.to_string(status))
    tracking.client.set_tag(run_id, "failure", f"{type(error).__name__}: {error}"[:5000])


def close_abandoned(tracking: Tracking, recorded: Collection[str]) -> list[str]:
    """Close as killed the runs that a killed process left open or unrecorded; give their ids.

    Parameters
    ----------
    tracking : Tracking
        No other process may be training.
    recorded : collection of str
        The trainings that the catalog knows: what else an open comparison has is done again.
    """
    abandoned = _find_runs(tracking, "attributes.status = 'RUNNING'")
    for comparison_id in [run.info.run_id for run in abandoned]:
        ended = f"attributes.status = 'FINISHED' and tags.`mlflow.parentRunId` = '{comparison_id}'"
        trainings = _find_runs(tracking, ended)
        abandoned += [run for run in trainings if run.info.run_id not in recorded]
    for run in abandoned:
        logger.warning("run %s was left open by a killed process", run.info.run_name)
        tracking.client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.KILLED))
    return [run.info.run_id for run in abandoned]


def _find_runs(tracking: Tracking, condition: str) -> list[Run]:
    """Give every run that meets a condition, page after page."""
    runs: list[Run] = []
    token = None
    while token is None or token:
        page = tracking.client.search_runs(
            [tracking.experiment_id], condition, max_results=1_000, page_token=token
        )
        runs, token = [*runs, *page], page.token or ""
    return runs


@contextmanager
def failing_run(tracking: Tracking, run_id: str) -> Iterator[None]:
    """Close the run if the block raises, as failed or killed; otherwise leave it open."""
    try:
        yield
    except BaseException as error:
        fail_run(tracking, run_id, error)
        raise


@contextmanager
def _ended(tracking: Tracking, run_id: str) -> Iterator[None]:
    """Close the run as the block ends."""
    with failing_run(tracking, run_id):
        yield
    finish_run(tracking, run_id)


def _create_run(tracking: Tracking, name: str, tags: Mapping[str, str]) -> str:
    """Create a run that knows the commit of the program."""
    known = {**tracking.run_tags, **tags}
    if commit := git_commit():
        known |= {"git_commit": commit, "mlflow.source.git.commit": commit}
    known |= {"mlflow.source.name": "genreflow", "mlflow.source.type": "LOCAL"}
    run = tracking.client.create_run(tracking.experiment_id, tags=known, run_name=name)
    return str(run.info.run_id)


def _log_metrics(
    tracking: Tracking,
    run_id: str,
    metrics: Mapping[str, float],
    step: int = 0,
    model_id: str | None = None,
) -> None:
    """Log metrics in one transaction."""
    now_ms = time.time_ns() // 1_000_000
    batch = [
        Metric(name, float(value), now_ms, step, model_id=model_id, run_id=run_id)
        for name, value in metrics.items()
    ]
    tracking.client.log_batch(run_id, metrics=batch)


def _dataset(tracking: Tracking, cell: RunCell) -> DatasetInput:
    """The snapshot, named as what the run was trained on."""
    counts = {"train": cell.n_train, "validation": cell.n_validation, "test": cell.n_test}
    place = tracking.layout.shards_uri or tracking.layout.shards
    dataset = Dataset(
        name="snapshot",
        digest=cell.snapshot_id[:DIGEST_CHARACTERS],
        source_type="local",
        source=json.dumps({"uri": f"{place}/{cell.feature_key}"}),
        profile=json.dumps(counts),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


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

"""Runs in MLflow: what was trained, its learning curve, scores and figures, and how it ended."""

import json
import logging
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from genre_core.errors import GenreflowError
from genre_core.representations.features import name_features
from storage.catalog.audits import Audit
from storage.models.store import Tracking

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROJECT = Path(__file__).parents[2]
DIGEST_CHARACTERS = 36  # MLflow's limit for the digest of a dataset
CURVE_PAUSE_S = 2.0
MOST_POINTS = 900  # MLflow takes 1,000 at once
Parameter = str | int | float | bool

logger = logging.getLogger(__name__)
_one_dataset = Lock()
"""Held while MLflow looks for a dataset and adds it: two threads would add it both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDescription:
    """What one training of a comparison was made from.

    ``genres`` are in the order of the labels; ``n_examples`` counts those of each split; ``config``
    has the settings of the training, flat: ``batch_size``, ``learning_rate`` …
    """

    network: str
    representation: str
    fragment_s: float
    seed: int
    snapshot_id: str
    feature_key: str
    genres: tuple[str, ...]
    n_examples: Mapping[str, int]
    config: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the run within its comparison: ``cnn 1.5 s seed 0``."""
        features = name_features(self.representation, self.fragment_s)
        return f"{self.network} {features} seed {self.seed}"

    @property
    def params(self) -> dict[str, str]:
        """The parameters that every run has, in one notation: 3 and 3.0 are one value."""
        params: dict[str, Parameter] = {
            "network": self.network,
            "representation": self.representation,
            "fragment_s": self.fragment_s,
            "seed": self.seed,
            "genres": ", ".join(self.genres),
            "n_genres": len(self.genres),
            **{f"n_{split}": n for split, n in self.n_examples.items()},
        }
        if doubled := params.keys() & self.config.keys():
            raise ValueError(f"config must not set {', '.join(sorted(doubled))}")
        both = params | dict(self.config)
        return {n: f"{v:.10g}" if isinstance(v, float) else str(v) for n, v in both.items()}


@cache
def git_commit(project: Path = PROJECT) -> str:
    """Return the commit that ``project`` has checked out; empty if it is no checkout itself."""
    if not (project / ".git").exists():
        return ""
    command = ["git", "-C", str(project), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git on this machine
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def create_run(
    tracking: Tracking, name: str, kind: str, tags: Mapping[str, str], parent_id: str = ""
) -> str:
    """Start a run of a kind, such as ``comparison``, ``training`` or ``audit``; return its id."""
    commit = git_commit()
    known = {
        **tracking.run_tags,
        "kind": kind,
        "mlflow.source.name": "genreflow",
        "mlflow.source.type": "LOCAL",
        **({"git_commit": commit, "mlflow.source.git.commit": commit} if commit else {}),
        **({"mlflow.parentRunId": parent_id} if parent_id else {}),
        **tags,
    }
    run = tracking.client.create_run(tracking.experiment_id, tags=known, run_name=name)
    return str(run.info.run_id)


def resume_sweep(tracking: Tracking, name: str, tags: Mapping[str, str], sweep_id: str) -> str:
    """Open the parent run of a sweep again, without its failure, or start it; return its id."""
    found = _find_runs(tracking, f"tags.sweep_id = '{sweep_id}'")
    if not found:
        return create_run(tracking, name, "comparison", {**tags, "sweep_id": sweep_id})
    run_id = str(found[0].info.run_id)
    if "failure" in found[0].data.tags:
        tracking.client.delete_tag(run_id, "failure")
    tracking.client.update_run(run_id, "RUNNING")
    return run_id


def start_training(tracking: Tracking, parent_id: str, described: RunDescription) -> str:
    """Start the run of one training below its comparison; return its id.

    Its input is the snapshot, named as what the run was trained on.
    """
    params = described.params
    tags = {"snapshot_id": described.snapshot_id, "feature_key": described.feature_key}
    place = tracking.layout.shards_uri or tracking.layout.shards
    snapshot = Dataset(
        name="snapshot",
        digest=described.snapshot_id[:DIGEST_CHARACTERS],
        source_type="local",
        source=json.dumps({"uri": f"{place}/{described.feature_key}"}),
        profile=json.dumps(dict(described.n_examples)),
    )
    run_id = create_run(tracking, described.name, "training", tags, parent_id)
    with failing_run(tracking, run_id):
        log_params(tracking, run_id, params)
        context = [InputTag("mlflow.data.context", "training")]
        with _one_dataset:
            tracking.client.log_inputs(run_id, [DatasetInput(snapshot, context)])
    return run_id


@contextmanager
def open_run(
    tracking: Tracking, name: str, kind: str, tags: Mapping[str, str], parent_id: str = ""
) -> Iterator[str]:
    """Start a run and close it with the block: finished, failed or killed."""
    run_id = create_run(tracking, name, kind, tags, parent_id)
    with failing_run(tracking, run_id):
        yield run_id
    finish_run(tracking, run_id)


@contextmanager
def failing_run(tracking: Tracking, run_id: str) -> Iterator[None]:
    """Close the run if the block raises, as failed or killed; otherwise leave it open."""
    try:
        yield
    except BaseException as error:
        fail_run(tracking, run_id, error)
        raise


def finish_run(tracking: Tracking, run_id: str) -> None:
    """Close a run that ended well."""
    tracking.client.set_terminated(run_id, "FINISHED")


def fail_run(tracking: Tracking, run_id: str, error: BaseException) -> None:
    """Close a run that raised; its tag ``failure`` holds the error."""
    tracking.client.set_terminated(run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
    tracking.client.set_tag(run_id, "failure", f"{type(error).__name__}: {error}"[:5000])


def log_audit(tracking: Tracking, audit: Audit, comparison_id: str) -> None:
    """Log an audit as a run of kind ``audit``, and tag the comparison that it is about, if any."""
    verdict, metrics = str(audit.verdict), dict[str, float | None]()
    for check in audit.checks:
        name = f"audit_{check.name}"
        metrics |= {name: check.value, f"{name}_chance": check.chance}
        if check.interval:
            metrics |= {f"{name}_low": check.interval.low, f"{name}_high": check.interval.high}
    tags = {"snapshot_id": audit.snapshot_id, "audited_run_id": audit.run_id, "audit": verdict}
    with open_run(tracking, "audit", "audit", tags) as run_id:
        log_scores(tracking, run_id, {n: v for n, v in metrics.items() if v is not None})
        checks = [{**check.as_row(), "details": dict(check.details)} for check in audit.checks]
        document = {"verdict": verdict, "settings": audit.settings, "checks": checks}
        log_json(tracking, run_id, document, "audit")
    if comparison_id:
        log_tags(tracking, comparison_id, {"audit": verdict, "audit_run_id": run_id})


def log_reproduction(tracking: Tracking, found: Mapping[str, object], succeeded: bool) -> None:
    """Log a training that was done again: a run below a parent of its own."""
    run_id = str(found["run_id"])
    tags = {"reproduced_run_id": run_id, "reproduced": str(succeeded).lower()}
    with (
        open_run(tracking, "reproductions", "reproductions", tags) as parent_id,
        open_run(tracking, f"reproduction of {run_id}", "reproduction", tags, parent_id) as child,
    ):
        log_json(tracking, child, found, "reproduction")


def log_params(tracking: Tracking, run_id: str, params: Mapping[str, Parameter]) -> None:
    """Log parameters in one transaction."""
    batch = [Param(name, str(value)) for name, value in params.items()]
    tracking.client.log_batch(run_id, params=batch)


def log_tags(tracking: Tracking, run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags of a run."""
    tracking.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def log_scores(tracking: Tracking, run_id: str, scores: Mapping[str, float]) -> None:
    """Log scores in one transaction; they are on the page of the model logged last, too."""
    model_id = None
    if outputs := tracking.client.get_run(run_id).outputs:
        model_id = outputs.model_outputs[-1].model_id if outputs.model_outputs else None
    batch = [
        Metric(name, float(value), _now_ms(), 0, model_id=model_id, run_id=run_id)
        for name, value in scores.items()
    ]
    tracking.client.log_batch(run_id, metrics=batch)


@contextmanager
def log_curve(
    tracking: Tracking, run_id: str
) -> Iterator[Callable[[Mapping[str, float], int], None]]:
    """Yield a function that logs a point of each learning curve, given the scores of an epoch.

    Those of `CURVE_PAUSE_S` are logged in one transaction, which takes 20 ms.
    """
    points: list[Metric] = []
    logged_s = time.monotonic()

    def log(scores: Mapping[str, float], epoch: int) -> None:
        nonlocal logged_s
        points.extend(Metric(name, float(at), _now_ms(), epoch) for name, at in scores.items())
        if time.monotonic() - logged_s > CURVE_PAUSE_S or len(points) > MOST_POINTS:
            tracking.client.log_batch(run_id, metrics=points)
            points.clear()
            logged_s = time.monotonic()

    try:
        yield log
    except BaseException:
        with suppress(MlflowException, GenreflowError):  # the error of the training counts
            tracking.client.log_batch(run_id, metrics=points)
        raise
    tracking.client.log_batch(run_id, metrics=points)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def log_figure(tracking: Tracking, run_id: str, figure: "Figure", name: str) -> None:
    """Keep a figure as ``figures/<name>.png``."""
    tracking.client.log_figure(run_id, figure, f"figures/{name}.png")


def log_json(tracking: Tracking, run_id: str, document: Mapping[str, object], name: str) -> None:
    """Keep a document as ``<name>.json``."""
    tracking.client.log_dict(run_id, dict(document), f"{name}.json")


def log_errors(
    tracking: Tracking, run_id: str, rows: Sequence[Mapping[str, object]], folder: Path
) -> None:
    """Keep wrong predictions as the table ``errors/errors.json``, and the files of a folder."""
    import pandas as pd

    # as objects: MLflow selects columns in a way that pandas warns of where they are strings
    table = pd.DataFrame(rows, dtype=object)
    tracking.client.log_table(run_id, table, "errors/errors.json")
    tracking.client.log_artifacts(run_id, str(folder), "errors")


def close_abandoned(tracking: Tracking, recorded: Collection[str]) -> list[str]:
    """Close as killed the runs that a killed process left open or unrecorded; return their ids.

    ``recorded`` are the trainings that the catalog knows: what else an open comparison has is
    done again. No other process may be training.
    """
    abandoned = _find_runs(tracking, "attributes.status = 'RUNNING'")
    for comparison_id in [run.info.run_id for run in abandoned]:
        ended = f"attributes.status = 'FINISHED' and tags.`mlflow.parentRunId` = '{comparison_id}'"
        trainings = _find_runs(tracking, ended)
        abandoned += [run for run in trainings if run.info.run_id not in recorded]
    for run in abandoned:
        logger.warning("run %s was left open by a killed process", run.info.run_name)
        tracking.client.set_terminated(run.info.run_id, "KILLED")
    return [run.info.run_id for run in abandoned]


def _find_runs(tracking: Tracking, condition: str) -> list[Run]:
    runs: list[Run] = []
    token = None
    while token is None or token:
        page = tracking.client.search_runs(
            [tracking.experiment_id], condition, max_results=1_000, page_token=token
        )
        runs, token = [*runs, *page], page.token or ""
    return runs


def read_curve(tracking: Tracking, run_id: str, measure: str) -> list[float]:
    """Return one point an epoch of a curve such as ``validation_accuracy``, from epoch 1 on."""
    points = tracking.client.get_metric_history(run_id, f"epoch_{measure}")
    return [point.value for point in sorted(points, key=lambda point: point.step)]


def read_document(tracking: Tracking, run_id: str, name: str) -> dict[str, Any]:
    """Return a document that `log_json` kept with a run."""
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path = tracking.client.download_artifacts(run_id, f"{name}.json", folder)
        return json.loads(Path(path).read_text("utf-8"))

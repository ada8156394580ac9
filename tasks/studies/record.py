"""A study: a run in MLflow and a folder of reports that hold the same figures and numbers."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.home import DataLayout
from storage.reports import write_document, write_figure
from tasks.keras_import import import_training
from tasks.tracked import open_tracked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from storage.models.store import Tracking

Network = Any  # a keras.Model; this room does not import Keras to name it


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Where a study keeps what it finds."""

    run_id: str
    folder: Path


def open_store(layout: DataLayout) -> "Tracking":
    """Open the store of runs and models."""
    return open_tracked(layout)


@contextmanager
def failing_study(layout: DataLayout, study: Study) -> Iterator[None]:
    """Close the run of a study as failed, with the reason, if the block raises."""
    from storage.models.runs import failing_run

    with failing_run(open_store(layout), study.run_id):
        yield


def load_model(layout: DataLayout, model_uri: str) -> Network:
    """Load a trained network."""
    import_training()
    from storage.models import logged

    return logged.load_model(open_store(layout), model_uri)


def keep_figure(layout: DataLayout, study: Study, figure: "Figure", name: str) -> None:
    """Keep a figure in both places."""
    from storage.models.runs import log_file

    path = write_figure(study.folder, name, figure)
    log_file(open_store(layout), study.run_id, path, "figures")


def keep_numbers(
    layout: DataLayout, study: Study, document: Mapping[str, object], name: str
) -> None:
    """Keep a document in both places; what is no number becomes null."""
    from storage.models.runs import log_json

    plain = {key: _plain(value) for key, value in document.items()}
    log_json(open_store(layout), study.run_id, plain, name)
    write_document(study.folder, name, plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

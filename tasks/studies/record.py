"""A study: a run in MLflow and a folder of reports with the same figures and numbers."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.home import DataLayout
from storage.reports import write_document, write_figure, write_text
from tasks.tracked import open_tracked

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Where a study is recorded: its run in MLflow, and a folder below the home."""

    layout: DataLayout
    run_id: str
    folder: Path

    def add_figure(self, name: str, figure: "Figure") -> None:
        """Write a figure as ``<name>.png``."""
        path = write_figure(self.folder, name, figure)
        open_tracked(self.layout).client.log_artifact(self.run_id, str(path), "figures")

    def add_numbers(self, name: str, document: Mapping[str, object]) -> None:
        """Write a document as ``<name>.json``; what is not a number becomes null."""
        from storage.models.runs import log_json

        plain = {key: _plain(value) for key, value in document.items()}
        log_json(open_tracked(self.layout), self.run_id, plain, name)
        write_document(self.folder, name, plain)

    def add_text(self, name: str, text: str) -> Path:
        """Write a page of text; return the file."""
        path = write_text(self.folder, name, text)
        open_tracked(self.layout).client.log_artifact(self.run_id, str(path))
        return path

    def add_scores(self, scores: Mapping[str, float]) -> None:
        """Log scores as metrics."""
        from storage.models.runs import log_scores

        log_scores(open_tracked(self.layout), self.run_id, scores)

    def finish(self) -> None:
        """Close the run."""
        from storage.models.runs import finish_run

        finish_run(open_tracked(self.layout), self.run_id)

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Close the run as failed, with the reason, if the block raises."""
        from storage.models.runs import failing_run

        with failing_run(open_tracked(self.layout), self.run_id):
            yield


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

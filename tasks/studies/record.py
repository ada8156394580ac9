"""A study: a run in MLflow and a folder of reports with the same figures and numbers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from storage.home import DataLayout
from storage.reports import plain, write_document, write_figure, write_text
from tasks.tracked import open_tracked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from storage.models.store import Tracking


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Where a study is recorded: its run in MLflow, and a folder below the home."""

    layout: DataLayout
    run_id: str
    folder: Path

    @property
    def tracking(self) -> "Tracking":
        """The store of runs."""
        return open_tracked(self.layout)

    def add_figure(self, name: str, figure: "Figure") -> None:
        """Write a figure as ``<name>.png``."""
        path = write_figure(self.folder, name, figure)
        self.tracking.client.log_artifact(self.run_id, str(path), "figures")

    def add_numbers(self, name: str, document: Mapping[str, object]) -> None:
        """Write a document as ``<name>.json``; what is not a number becomes null."""
        from storage.models.runs import log_json

        log_json(self.tracking, self.run_id, plain(document), name)
        write_document(self.folder, name, plain(document))

    def add_text(self, name: str, text: str) -> None:
        """Write a page of text."""
        path = write_text(self.folder, name, text)
        self.tracking.client.log_artifact(self.run_id, str(path))

    def add_scores(self, scores: Mapping[str, float]) -> None:
        """Log scores as metrics."""
        from storage.models.runs import log_scores

        log_scores(self.tracking, self.run_id, scores)

    def finish(self) -> None:
        """Close the run."""
        from storage.models.runs import finish_run

        finish_run(self.tracking, self.run_id)

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Close the run as failed, with the reason, if the block raises."""
        from storage.models.runs import failing_run

        with failing_run(self.tracking, self.run_id):
            yield


def create_study(
    layout: DataLayout, folder: str, name: str, kind: str, tags: Mapping[str, str]
) -> Study:
    """Create the run of a study, which is recorded in a folder of the reports."""
    from storage.models.runs import create_run

    run_id = create_run(open_tracked(layout), name, kind, tags)
    return Study(layout=layout, run_id=run_id, folder=layout.reports / folder)

"""Flow thesis_report: each claim and figure of the thesis, on the newest library."""

from flows.settings import Settings, read_settings
from storage.lock import hold_home
from tasks.compare import close_killed_runs
from tasks.orchestrator import flow
from tasks.studies.thesis_evidence import gather_evidence
from tasks.studies.thesis_report import ThesisReport, write_report


@flow
def thesis_report(config: Settings | None = None) -> ThesisReport:
    """Gather evidence, draw, test the claims, write; nothing is trained."""
    config = config or read_settings()
    layout = config.layout
    with hold_home(layout):
        close_killed_runs(layout)
        return write_report(layout, gather_evidence(layout, config.snapshot_choice()))

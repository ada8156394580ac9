"""Thesis report: every claim and figure of the thesis on the music of a store, as pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prefect import task

from genre_core.claims.findings import Finding, Verdict
from genre_core.claims.parts import more_songs
from genre_core.claims.verdicts import judge_claims
from storage.layout import DataLayout
from storage.reports import copy_figure, read_figure, write_text
from tasks.studies import Study, keep_numbers, open_store
from tasks.thesis_evidence import Gathered
from tasks.thesis_facts import Facts, collect_facts
from tasks.thesis_figures import Plate
from tasks.thesis_page import HTML, render_pages

FOLDER, LADDER = "thesis", "ladder.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThesisReport:
    """The pages, and what they say of the claims.

    ``too_few`` is how several reasons end where the library is too small to tell.
    """

    page: Path
    run_id: str
    findings: tuple[Finding, ...]
    too_few: str

    def as_document(self) -> dict[str, object]:
        """Give plain values by name."""
        claims = [finding.as_document() for finding in self.findings]
        return {"page": str(self.page), "run_id": self.run_id, "claims": claims}


@task
def open_report(layout: DataLayout, gathered: Gathered) -> Study:
    """Open the run of the report in MLflow."""
    from storage.tracking.runs import start_report

    tags = {"library_id": gathered.chosen.snapshot.library_id}
    run_id = start_report(open_store(layout), "thesis report", tags)
    return Study(run_id=run_id, folder=layout.reports / FOLDER)


@task
def write_report(
    layout: DataLayout, study: Study, gathered: Gathered, plates: Sequence[Plate]
) -> ThesisReport:
    """Judge the claims, write both pages, and keep them in MLflow, too."""
    from storage.tracking.runs import failing_run, finish_run, log_scores

    findings = tuple(judge_claims(gathered.evidence))
    tracking = open_store(layout)
    with failing_run(tracking, study.run_id):
        page = _write_pages(layout, study, gathered, findings, plates)
        report = ThesisReport(
            page=page,
            run_id=study.run_id,
            findings=findings,
            too_few=more_songs(gathered.evidence),
        )
        keep_numbers(layout, study, report.as_document(), "claims")
        log_scores(tracking, study.run_id, _counts(findings))
        finish_run(tracking, study.run_id)
    return report


def _write_pages(
    layout: DataLayout,
    study: Study,
    gathered: Gathered,
    findings: Sequence[Finding],
    plates: Sequence[Plate],
) -> Path:
    """Write both pages and log them; give where that for a browser is."""
    from storage.tracking.runs import log_file

    facts = collect_facts(layout, gathered)
    images = _images(layout, study, facts, plates)
    pages = render_pages(gathered, facts, findings, plates, images)
    for name, text in pages.items():
        log_file(open_store(layout), study.run_id, write_text(study.folder, name, text))
    return study.folder / HTML


def _images(
    layout: DataLayout, study: Study, facts: Facts, plates: Sequence[Plate]
) -> dict[str, bytes]:
    """Read the figures that the pages show, that of the ladder beside them."""
    ladder = layout.reports / "ladder" / LADDER
    names = [plate.file for plate in plates if plate.file]
    if facts.ladder and ladder.exists():
        names.append(copy_figure(study.folder, "ladder", ladder).name)
    return {name: read_figure(study.folder, name) for name in names}


def _counts(findings: Sequence[Finding]) -> dict[str, float]:
    """Count the claims of each verdict."""
    names = {
        Verdict.HOLDS: "claims_that_hold",
        Verdict.FAILS: "claims_that_do_not_hold",
        Verdict.UNTESTABLE: "claims_not_testable",
    }
    verdicts = [finding.verdict for finding in findings]
    return {name: float(verdicts.count(verdict)) for verdict, name in names.items()}

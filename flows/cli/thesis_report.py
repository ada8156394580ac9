"""Command thesis-report: the claims and figures of the thesis on one's own music."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from flows.cli.app import OUT, AsJson, Home, Verbose, app, print_json
from flows.cli.line import prepare_config
from flows.cli.tables import PLAIN

if TYPE_CHECKING:
    from genre_core.claims.findings import Finding

COLOURS = {"holds": "green", "does not hold": "red", "not testable here": "yellow"}


@app.command()
def thesis_report(home: Home = None, as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Test each claim of the thesis on the finished runs, and draw its figures anew.

    Nothing is trained. The page is one HTML file; the same in Markdown lies beside it.

    Example: [bold]genreflow thesis-report[/bold]
    """
    config = prepare_config(verbose, home=home)
    from flows.thesis_report import thesis_report as thesis_report_flow

    report = thesis_report_flow(config)
    if as_json:
        print_json(report.as_document())
        return
    from genre_core.claims.findings import say_once

    findings, shared = say_once(report.findings, report.too_few)
    if shared:
        OUT.print(shared, highlight=False)
    OUT.print(_claims_table(findings))
    OUT.print(f"The page is {report.page}", soft_wrap=True)
    OUT.print(f"and in MLflow, run {report.run_id}.", soft_wrap=True)


def _claims_table(findings: Sequence["Finding"]) -> Table:
    table = Table(title="The claims of the thesis", **PLAIN)
    for heading in ("claim", "verdict"):
        table.add_column(heading, no_wrap=True)
    table.add_column("why", overflow="fold")
    for finding in findings:
        verdict = str(finding.verdict)
        table.add_row(finding.claim_id, Text(verdict, COLOURS[verdict]), Text(finding.why))
    return table

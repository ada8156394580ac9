"""Commands morning and audit: the report of the last nightly run, and whether scores hold."""

from typing import TYPE_CHECKING

import typer

from flows.cli.app import FAILURE, OUT, AsJson, Home, Verbose, app, print_json
from flows.cli.pipeline import SnapshotId, prepare_config
from flows.cli.tables import audit_table
from flows.settings import read_settings

if TYPE_CHECKING:
    from storage.catalog.audits import Audit


@app.command()
def morning(home: Home = None, as_json: AsJson = False) -> None:
    """Write the report of the last nightly run: what is new, what changed, what needs a decision.

    Example: [bold]genreflow morning[/bold]
    """
    config = read_settings(home=home)
    from tasks.report.notify import make_report

    page = make_report(config.layout, choice=config.snapshot_choice())
    if as_json:
        print_json(page.as_document())
        return
    OUT.print(page.headline, soft_wrap=True, highlight=False, markup=False)
    for item in page.to_do:
        OUT.print(f"- {item}", soft_wrap=True, highlight=False, markup=False)
    OUT.print(page.sentence, soft_wrap=True, highlight=False, markup=False)


@app.command()
def audit(
    home: Home = None,
    snapshot: SnapshotId = "",
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Check that scores rest on music: leaks, shortcuts, metadata, sources, pretraining.

    Each check passes, is inconclusive, warns or fails. The exit code is 1 if one fails.

    Example: [bold]genreflow audit[/bold]
    """
    config = prepare_config(verbose, home=home)
    from flows.audit import audit as audit_flow

    show_audit(audit_flow(config, snapshot), as_json)


def show_audit(audited: "Audit", as_json: bool) -> None:
    """Print what an audit found; leave with exit code 1 if it failed."""
    if as_json:
        print_json(_document(audited))
    else:
        _print_checks(audited)
    if audited.verdict == "fail":
        raise typer.Exit(FAILURE)


def _document(audited: "Audit") -> dict[str, object]:
    return {
        "verdict": str(audited.verdict),
        "checks": [check.as_row() for check in audited.checks],
        "snapshot_id": audited.snapshot_id,
        "run_id": audited.run_id or None,
    }


def _print_checks(audited: "Audit") -> None:
    OUT.print(audit_table(audited.checks))
    for check in audited.checks:
        OUT.print(f"{check.name}: {check.message}", markup=False, highlight=False, soft_wrap=True)
    OUT.print(f"Verdict on snapshot {audited.snapshot_id}: {audited.verdict}.", highlight=False)

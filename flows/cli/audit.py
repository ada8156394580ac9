"""Command `audit`: of the library's scores, or of anybody's table of features."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import FAILURE, AsJson, Home, Verbose, app, prepare_config, print_json, show
from flows.cli.models import SnapshotId, require_snapshot
from flows.cli.tables import audit_table
from genre_core.errors import UsageError
from tasks.terminal import OUT, announce

if TYPE_CHECKING:
    from storage.catalog.audits import Audit
    from tasks.table_audit import TableAudit


def _column(names: str, help_text: str) -> typer.models.OptionInfo:
    """Return an option of the audit of a table."""
    option: typer.models.OptionInfo = typer.Option(
        names, help=help_text, rich_help_panel="A table of features"
    )
    return option


@app.command()
def audit(
    table: Annotated[
        Path | None,
        typer.Argument(help="A table of features, Parquet or CSV. Default: your library."),
    ] = None,
    label: Annotated[str, _column("--label", "Column of the class.")] = "",
    features: Annotated[
        list[str] | None,
        _column("--features", "Columns of numbers: `f0..f511`, `mfcc_*`, names, a list column."),
    ] = None,
    group: Annotated[
        str, _column("--group", "Column of what a split keeps together: artist.")
    ] = "",
    track: Annotated[
        str, _column("--track", "Column of the track, where rows are parts of it.")
    ] = "",
    split: Annotated[
        str, _column("--split", "Column of your split, or of your folds: it is audited.")
    ] = "",
    source: Annotated[str, _column("--source", "Column of the source to leave out: album.")] = "",
    shortcuts: Annotated[
        list[str] | None,
        _column("--shortcuts", "Columns that should not matter: `duration,bitrate`."),
    ] = None,
    html: Annotated[Path | None, _column("--html", "Write the report as a page.")] = None,
    max_rows: Annotated[
        int,
        typer.Option(
            min=100, help="Rows that learners see.", rich_help_panel="A table of features"
        ),
    ] = 20_000,
    seed: Annotated[
        int, typer.Option(min=0, help="Of all random draws.", rich_help_panel="A table of features")
    ] = 0,
    home: Home = None,
    snapshot: SnapshotId = "",
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Check that scores rest on music: leaks, shortcuts, metadata, sources, pretraining.

    Of the best model of your library or, with a TABLE, of features by whatever program.
    Each check passes, is inconclusive, warns or fails. The exit code is 1 if one fails.

    Example: `genreflow audit`

    Example: `genreflow audit table.parquet --label genre --group artist --features f0..f511`
    """
    if table is not None:
        if snapshot:
            raise UsageError("--snapshot is of your library. Leave it out, or leave out the table.")
        named = {"label": label, "group": group, "track": track, "split": split, "source": source}
        require_page(html)
        audited = _audit_table(table, named, features, shortcuts, (seed, max_rows))
        show_table_audit(audited, html, as_json)
        return
    if label or features or group or track or split or source or shortcuts or html:
        raise UsageError(
            "Columns are of a table. Name its file first: `genreflow audit table.parquet …`."
        )
    config = prepare_config(verbose, check=partial(require_snapshot, snapshot), home=home)
    from flows.audit import audit as audit_flow

    show_audit(audit_flow(config, snapshot), as_json)


def require_page(path: Path | None) -> None:
    """Refuse a page that is named as another file, or in no folder, before the work is done."""
    if path and path.suffix.lower() not in {".html", ".htm"}:
        raise UsageError(
            f"The page {path} would replace another kind of file. Name one that ends with .html."
        )
    if path and not path.absolute().parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}. Create it, or name another file.")


def _audit_table(
    table: Path,
    named: dict[str, str],
    features: list[str] | None,
    shortcuts: list[str] | None,
    draws: tuple[int, int],
) -> "TableAudit":
    if not named["label"]:
        raise UsageError("Name the column of the class with --label.")
    if not table.is_file():
        raise UsageError(f"There is no file {table}. Name a Parquet or CSV file.")
    announce("Reading the table")
    from genre_core.audit.table import TableColumns
    from tasks.table_audit import audit_table as run_audit
    from tasks.table_audit import column_patterns

    columns = TableColumns(
        features=column_patterns(features or []),
        shortcuts=column_patterns(shortcuts or []),
        **named,
    )
    return run_audit(table, columns, seed=draws[0], max_rows=draws[1])


def show_table_audit(audited: "TableAudit", html: Path | None, as_json: bool) -> None:
    """Print what an audit of a table found; leave with exit code 1 if it failed."""
    if html:
        from tasks.table_audit import write_page

        write_page(audited, html)
    if as_json:
        print_json(audited.as_document())
    else:
        OUT.print(audit_table(audited.checks))
        show(*audited.notes, *(f"{check.name}: {check.message}" for check in audited.checks))
        show(f"Result on {audited.name}: {audited.verdict}.")
        show(*([f"The page is {html}."] if html else []))
    if audited.verdict == "fail":
        raise typer.Exit(FAILURE)


def show_audit(audited: "Audit", as_json: bool) -> None:
    """Print what an audit found; leave with exit code 1 if it failed."""
    if as_json:
        print_json(
            {
                "verdict": str(audited.verdict),
                "checks": [check.as_row() for check in audited.checks],
                "snapshot_id": audited.snapshot_id,
                "run_id": audited.run_id or None,
            }
        )
    else:
        OUT.print(audit_table(audited.checks))
        show(*(f"{check.name}: {check.message}" for check in audited.checks))
        show(f"Result on snapshot {audited.snapshot_id}: {audited.verdict}.")
    if audited.verdict == "fail":
        raise typer.Exit(FAILURE)

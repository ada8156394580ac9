"""Command sweep: networks × representations × fragment lengths × seeds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flows.cli.app import OUT, AsJson, Home, Verbose, app, print_json
from flows.cli.line import Genres, Lengths, Networks, Representations, Seeds, prepare_config
from flows.cli.tables import PLAIN

if TYPE_CHECKING:
    from flows.sweep import SweepReport
    from tasks.sweep import SweepRow

THESIS_LENGTHS_S = (1.0, 1.5, 2.0, 2.5, 3.0)


@app.command()
def sweep(
    network: Networks = None,
    representation: Representations = None,
    fragment_s: Lengths = None,
    seed: Seeds = None,
    genre: Genres = None,
    budget_min: Annotated[
        float | None, typer.Option(min=0, help="Start no training after so many minutes.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Train every combination that has no run yet, the most telling ones first, and compare.

    Where neither option nor setting names several lengths, those of the thesis are used: 1 to 3 s.
    The champion stays as it is.

    Example: [bold]genreflow sweep --representation thesis --representation logmel --seed 0[/bold]
    """
    config = prepare_config(
        verbose,
        home=home,
        networks=network,
        representations=representation,
        fragment_lengths_s=fragment_s,
        seeds=seed,
        genres=genre,
    )
    if not fragment_s and len(config.fragment_lengths_s) == 1:
        config = replace(config, fragment_lengths_s=THESIS_LENGTHS_S)
    from flows.sweep import sweep as sweep_flow

    report = sweep_flow(config, float("inf") if budget_min is None else 60 * budget_min)
    if as_json:
        print_json({"rows": [row.as_document() for row in report.rows]})
        return
    OUT.print(_rows_table(report.rows))
    OUT.print(standing_sentence(report))


def standing_sentence(report: "SweepReport") -> str:
    """Say how far a sweep has come, and whether the same command would come further."""
    done = (
        f"{report.n_finished} of {report.n_cells} trainings are done, {report.n_trained} of them "
        "new; figures are in MLflow."
    )
    failed = (
        f" {report.n_failed} could not be trained; the log says why." if report.n_failed else ""
    )
    is_left = report.n_cells > report.n_finished + report.n_failed
    return done + failed + (" The same command goes on." if is_left else "")


def _rows_table(rows: Sequence["SweepRow"]) -> Table:
    table = Table(title="Macro F1 by song, the best on validation first", **PLAIN)
    for heading in ("network", "representation", "length"):
        table.add_column(heading, no_wrap=True)
    for heading in ("seeds", "validation", "test", "weights", "time", "a song"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row.network,
            row.representation,
            f"{row.fragment_s:g} s",
            str(row.n_seeds),
            str(row.validation_macro_f1),
            str(row.test_macro_f1),
            f"{row.n_parameters / 1000:.0f} k",
            f"{row.seconds:.0f} s",
            f"{row.bytes_per_song / 1000:.0f} kB",
        )
    return table

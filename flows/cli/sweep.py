"""Command sweep: networks × representations × fragment lengths × seeds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

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
    OUT.print(rows_table(report.rows))
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


def rows_table(rows: Sequence["SweepRow"]) -> Table:
    """Show a row a network, representation and length; what all rows share stands in the title.

    A representation that they do not share stands below the network: side by side with it, the
    numbers would not fit into 80 columns.
    """
    representations, seeds = {row.representation for row in rows}, {row.n_seeds for row in rows}
    table = Table(title=_title(representations, seeds), **{**PLAIN, "padding": (0, 1, 0, 0)})
    table.add_column("network", overflow="fold")
    numbers = ("length", *(("seeds",) if len(seeds) > 1 else ()), "validation", "test")
    for heading in (*numbers, "weights", "time", "a song"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.network if len(representations) == 1 else f"{row.network}\n{row.representation}",
            f"{row.fragment_s:g} s",
            *([str(row.n_seeds)] if len(seeds) > 1 else []),
            Text(str(row.validation_macro_f1)),
            Text(str(row.test_macro_f1)),
            f"{row.n_parameters / 1000:.0f} k",
            f"{row.seconds:.0f} s",
            f"{row.bytes_per_song / 1000:.0f} kB",
        )
    return table


def _title(representations: set[str], seeds: set[int]) -> str:
    shared = [f"on {name}" for name in representations if len(representations) == 1]
    shared += [f"{n} {'seed' if n == 1 else 'seeds'} each" for n in seeds if len(seeds) == 1]
    return ", ".join(("Macro F1 by song", *shared, "the best on validation first"))

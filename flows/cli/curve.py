"""Command curve: what accuracy to expect with so many songs a genre."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from flows.cli.app import ERR, OUT, AsJson, Home, app, print_json
from flows.cli.tables import PLAIN
from flows.settings import read_line_config
from genre_core.learning_curve import N_DRAWS, Curve, CurvePoint


@app.command()
def curve(
    draws: Annotated[int, typer.Option(min=1, help="Choices of songs for each size.")] = N_DRAWS,
    representation: Annotated[
        str, typer.Option(help="The embedding; the one used last where none is named.")
    ] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what accuracy to expect with 1, 2, 4, 8 … songs a genre of your own.

    Heads are fitted on songs drawn at random, and predict the songs of all other artists, with the
    tag prior and without.

    Example: [bold]genreflow curve[/bold]
    """
    config = read_line_config(home=home)
    from tasks.curve import measure_curve

    with ERR.status("Fitting heads"):
        report = measure_curve(config.layout, config.tag_prior, representation, draws)
    if as_json:
        print_json(report.as_document())
        return
    OUT.print(_table(report.curves))
    OUT.print(f"{report.caption} The intervals hold 95 % of single draws.", soft_wrap=True)
    OUT.print(f"The figure is {report.figure}", soft_wrap=True, highlight=False)


def _table(curves: tuple[Curve, ...]) -> Table:
    table = Table(title="Accuracy to expect (mean recall by song)", **PLAIN)
    table.add_column("songs a genre", justify="right")
    for one in curves:
        table.add_column(one.name, no_wrap=True)
    table.add_column("songs predicted", justify="right")
    for points in zip(*(one.points for one in curves), strict=True):
        table.add_row(*_cells(str(points[0].n_songs), points))
    everything = [one.everything for one in curves if one.everything]
    if len(everything) == len(curves):
        table.add_row(*_cells("all", everything))
    return table


def _cells(size: str, points: "tuple[CurvePoint, ...] | list[CurvePoint]") -> list[Text]:
    scores = [str(point.accuracy) for point in points]
    return [Text(cell) for cell in (size, *scores, str(points[0].n_scored))]

"""Command ladder: what each fault of the published protocol adds to the score."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from flows.cli.app import OUT, AsJson, Home, Verbose, app, print_json
from flows.cli.line import Seeds, prepare_config
from flows.cli.tables import PLAIN

if TYPE_CHECKING:
    from tasks.ladder import LadderReport


@app.command()
def ladder(
    network: Annotated[str, typer.Option(help="The network; rnn as published, or cnn.")] = "rnn",
    seed: Seeds = None,
    epochs: Annotated[int, typer.Option(help="Epochs of each training.")] = 30,
    folds: Annotated[int, typer.Option(help="Parts, each scored by what the others teach.")] = 5,
    songs: Annotated[int, typer.Option(help="Songs at most, drawn at random.")] = 240,
    fragment_s: Annotated[float, typer.Option(help="Fragment length in seconds.")] = 3.0,
    home: Home = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Climb from the published protocol to one that can be trusted, a mended fault a rung.

    Each rung is measured on your songs, and on labels drawn at random. What was trained is kept:
    the same command goes on.

    Example: [bold]genreflow ladder --seed 0 --epochs 20[/bold]
    """
    config = prepare_config(verbose, home=home)
    from flows.ladder import LadderRequest
    from flows.ladder import ladder as ladder_flow
    from genre_core.ladder.rungs import LadderConfig

    measured = LadderConfig(
        network=network,
        seeds=tuple(dict.fromkeys(seed or (0, 1))),
        epochs=epochs,
        n_folds=folds,
        n_songs=songs,
        batch_size=config.training.batch_size,
        learning_rate=config.training.learning_rate,
    )
    report = ladder_flow(config, LadderRequest(fragment_s=fragment_s, config=measured))
    if as_json:
        print_json(report.as_document())
    else:
        _print(report)


def _print(report: "LadderReport") -> None:
    from tasks.ladder import ladder_notes, ladder_rows

    table = Table(title="The ladder: accuracy", **{**PLAIN, "padding": (0, 1, 0, 0)})
    table.add_column("")
    table.add_column("mended", no_wrap=True)
    for heading in ("by fragment", "by song", "chance"):
        table.add_column(heading, justify="right", no_wrap=True)
    for score in report.scores:
        for row in ladder_rows(score):
            table.add_row(*map(Text, row))
    OUT.print(table)
    for sentence in (report.caption, *ladder_notes(report.scores)):
        OUT.print(sentence, markup=False, highlight=False, soft_wrap=True)
    OUT.print(f"Table and figure are in {report.folder}, and in MLflow.", soft_wrap=True)

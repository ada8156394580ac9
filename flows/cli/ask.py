"""Commands that ask: sql, status. None of them imports Prefect, MLflow or TensorFlow."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli.app import OUT, AsJson, Home, app, print_json
from flows.cli.tables import outcome_sentence, provisional_sentence
from flows.settings import read_line_config
from genre_core.features import name_features
from storage.catalog.published import query
from storage.catalog.standing import read_status

LONGEST_CELL = 60  # of a list, such as the values of a matrix
WIDEST_LINE = 10_000  # where no terminal folds it


@app.command()
def sql(
    statement: Annotated[str, typer.Argument(help="One statement in DuckDB's SQL.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Ask the published store a question in SQL.

    Example: [bold]genreflow sql "select genre, count(*) from tracks group by genre"[/bold]
    """
    names, rows = query(read_line_config(home=home).layout, statement)
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    table = Table()
    for name in names:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    (OUT if OUT.is_terminal else Console(width=WIDEST_LINE)).print(table)


@app.command()
def status(home: Home = None, as_json: AsJson = False) -> None:
    """Say what is in the store: songs, outcomes, examples, champion.

    Example: [bold]genreflow status[/bold]
    """
    standing = read_status(read_line_config(home=home).layout)
    if as_json:
        print_json(standing)
        return
    OUT.print(f"Store: {standing['home']}", soft_wrap=True)
    OUT.print(outcome_sentence(standing["outcomes"]))
    for reason, n_songs in standing["reasons"].items():
        OUT.print(f"  {n_songs} {reason}")
    for reason, n_songs in standing["warnings"].items():
        OUT.print(f"  {n_songs} {reason}, which are ok all the same")
    OUT.print(
        f"Stored: {standing['tracks']} tracks, with those of songs that were left out after they "
        f"were fetched, and {standing['examples']} examples.",
        soft_wrap=True,
    )
    if standing["unlabelled"]:
        OUT.print(f"Unlabelled: {standing['unlabelled']} songs, which the champion predicts.")
    OUT.print(f"Newest snapshot: {standing['snapshot_id'] or 'none yet'}")
    OUT.print(_champion_sentence(standing["champion"]), soft_wrap=True)


def _champion_sentence(champion: dict[str, Any] | None) -> str:
    if champion is None:
        return "Champion: none yet."
    name = name_features(champion["representation"], champion["fragment_s"])
    sentence = (
        f"Champion: version {champion['version']}, {champion['network']} on {name}, for "
        f"{', '.join(champion['genres'])}; validation macro F1 "
        f"{champion['validation_macro_f1']:.3f}."
    )
    return f"{sentence} {provisional_sentence(champion)}" if champion["provisional"] else sentence


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    if isinstance(value, list) and len(text) > LONGEST_CELL:
        return f"{text[: LONGEST_CELL - 1]}…"
    return text

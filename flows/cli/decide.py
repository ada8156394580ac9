"""Commands conflicts and decide: recordings whose sources disagree, and what a person says."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from flows.cli.app import OUT, AsJson, Home, app, print_json
from flows.cli.tables import PLAIN
from flows.settings import read_line_config
from storage.catalog.standing import conflict_rows

SHOWN_DIGITS = 12


@app.command()
def conflicts(home: Home = None, as_json: AsJson = False) -> None:
    """List the recordings that stand under several genres and wait for a decision.

    A song that is listed under several genres is among them; only the listing can settle it.

    Example: [bold]genreflow conflicts[/bold]
    """
    rows = conflict_rows(read_line_config(home=home).layout)
    if as_json:
        print_json(rows)
        return
    if not rows:
        OUT.print("No recording waits for a decision.")
        return
    table = Table(title="Recordings under several genres", **PLAIN)
    for heading in ("recording", "genre", "source", "artist", "title"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        is_listed = row["stage"] == "sources"
        recording = "(listing)" if is_listed else row["recording"][:SHOWN_DIGITS]
        shown = (recording, row["genre"], row["source"], row["artist"], row["title"])
        table.add_row(*map(Text, shown))
    OUT.print(table)
    OUT.print("Correct the labels so that they agree, or: genreflow decide RECORDING GENRE")
    OUT.print("What is named (listing) is one song listed under several genres: list it under one.")


@app.command()
def decide(
    song: Annotated[str, typer.Argument(help="A source, or the beginning of a track's id.")],
    genre: Annotated[str, typer.Argument(help="The genre of the recording, in all its copies.")],
    home: Home = None,
) -> None:
    """Decide the genre of a recording for all its copies, whatever their sources say.

    Also confirms or corrects a label that `genreflow suspects` lists.

    Example: [bold]genreflow decide ~/Music/jazz/song.mp3 jazz[/bold]
    """
    config = read_line_config(home=home)
    from storage.catalog.decisions import decide_genre

    genres = {*config.genres, *config.genre_map.values()}
    n_tracks = decide_genre(config.layout, song, genre, genres)
    copies = f", and so are its {n_tracks - 1} copies" if n_tracks > 1 else ""
    OUT.print(f"{song} is {genre}{copies}.", soft_wrap=True, highlight=False)
    OUT.print("`genreflow extract` makes its spectrograms if it has none.")

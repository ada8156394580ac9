"""Command suspects: songs whose label looks wrong."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from flows.cli.app import OUT, AsJson, Home, app, print_json
from flows.cli.tables import PLAIN
from flows.settings import read_line_config
from genre_core.records import name_song
from storage.catalog.suspects import suspect_rows

SHOWN_DIGITS = 12


@app.command()
def suspects(home: Home = None, as_json: AsJson = False) -> None:
    """List the songs whose label looks wrong, the least probable label first.

    Each training finds them anew; `genreflow decide` takes your answer, be it the label or another
    genre, and the song leaves the list for good.

    Example: [bold]genreflow suspects[/bold]
    """
    rows = suspect_rows(read_line_config(home=home).layout)
    if as_json:
        print_json(rows)
        return
    if not rows:
        OUT.print("No label looks wrong. `genreflow train` looks again, if it has embeddings.")
        return
    cells = [_cells(row) for row in rows]
    table = Table(title="Labels that look wrong", **{**PLAIN, "padding": (0, 1, 0, 0)})
    for heading, column in zip(
        ("id", "label", "prediction"), zip(*cells, strict=True), strict=False
    ):
        table.add_column(heading, min_width=max(map(len, column)))
    heading = "song, and the nearest ones of other artists"
    table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for row in cells:
        table.add_row(*map(Text, row))
    OUT.print(table)
    OUT.print("Listen, then confirm or correct a label: genreflow decide ID GENRE")


def _cells(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    nearest = [f"  {near['genre']}: {_name(near)}" for near in row["neighbours"]]
    return (
        row["track_id"][:SHOWN_DIGITS],
        f"{row['confidence']:.2f} {row['genre']}",
        f"{row['predicted_confidence']:.2f} {row['predicted']}",
        "\n".join([_name(row), *nearest]),
    )


def _name(song: Mapping[str, Any]) -> str:
    return name_song(song["artist"], song["title"], song["track_id"][:SHOWN_DIGITS])

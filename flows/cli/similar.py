"""Command similar: the songs of the library nearest to a song."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from flows.cli.app import OUT, AsJson, Home, app, print_json
from flows.cli.tables import PLAIN
from flows.environment import prepare_environment
from flows.settings import read_line_config
from genre_core.errors import UsageError
from genre_core.records import name_song
from storage.catalog.similar import Among, find_embedded, nearest_songs

if TYPE_CHECKING:
    from flows.line import LineConfig
    from tasks.similar import Compared


@app.command()
def similar(
    song: Annotated[
        str, typer.Argument(help="A file, a URL, a source, or the beginning of a track's id.")
    ],
    among: Annotated[
        Among, typer.Option("--in", help="All songs of the library, or part of them.")
    ] = Among.LIBRARY,
    n: Annotated[int, typer.Option("--n", min=1, help="So many songs.")] = 10,
    representation: Annotated[
        str, typer.Option(help="The embedding; the first of the settings where none is named.")
    ] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show the songs that are nearest to a song, by the cosine of mean embeddings.

    A song that is not in the library is embedded, and not kept.

    Example: [bold]genreflow similar song.mp3 --n 5[/bold]
    """
    config = read_line_config(home=home)
    from tasks.similar import Compared, choose_representation

    chosen = choose_representation(config.layout, representation, config.representations)
    track_id = find_embedded(config.layout, song, chosen)
    one = Compared(track_id=track_id) if track_id else _embed(config, song, chosen)
    rows = nearest_songs(config.layout, chosen, one.track_id, one.embedding, among, n)
    if as_json:
        print_json({"song": song, "representation": chosen, "songs": rows})
    else:
        OUT.print(_table(rows))


def _embed(config: "LineConfig", song: str, representation: str) -> "Compared":
    """Embed a song that the library does not have."""
    if "://" not in song and not Path(song).is_file():
        raise UsageError(
            f"There is no file {song}, and the store has no song of that name. Name a file, a "
            "URL, a source, or 8 digits of a track id at least."
        )
    prepare_environment(config.layout.home, verbose=False)
    from tasks.similar import Embedder, embed_song

    own = [f for f in config.features if f.embedding and f.representation == representation]
    model = config.embedder(own[0]) if own else None
    if model is None:
        raise UsageError(
            f"The settings do not name the embedding {representation}. Add it to "
            "`representations` in genreflow.toml."
        )
    return embed_song(config.layout, song, Embedder(features=own[0], model=model))


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(title="Similar songs", **PLAIN)
    for heading in ("cosine", "genre", "song", "source"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        source = row["source"] or ""
        name = name_song(row["artist"], row["title"], source)
        table.add_row(*map(Text, (f"{row['cosine']:.2f}", row["genre"], name, source)))
    return table

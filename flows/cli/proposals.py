"""Command next: which unlabelled songs should be labelled next."""

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from flows.cli.app import OUT, AsJson, Home, app, print_json
from flows.cli.tables import PLAIN
from flows.settings import read_line_config
from genre_core.errors import UsageError

if TYPE_CHECKING:
    from flows.line import LineConfig
    from genre_core.features import FeatureConfig
    from tasks.proposing import Proposed, ProposedSong

SHOWN_DIGITS = 12


@app.command(name="next")
def propose_next(
    music: Annotated[
        str | None,
        typer.Argument(help="Only songs of this folder or manifest; default: all in the store."),
    ] = None,
    home: Home = None,
    n: Annotated[int, typer.Option("--n", min=1, help="So many songs.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Propose the unlabelled songs whose labels would help most, as one batch.

    Songs that are unlike the labelled ones, stand for many others and, once there are labels
    enough, are uncertain; no artist takes more than a quarter of them.

    Example: [bold]genreflow next --n 20[/bold]
    """
    config = read_line_config(home=home)
    if not config.layout.catalog.exists():
        raise UsageError(f"There is no song in {config.layout.home} yet. {_how_to_ingest(music)}")
    from storage.sources.listing import list_unlabelled
    from tasks.proposing import propose

    sources = [source.location for source in list_unlabelled(music)] if music else []
    proposed = propose(
        config.layout, _find_features(config), config.genres, config.tag_prior, n, sources
    )
    if as_json:
        print_json(asdict(proposed))
    else:
        _show(proposed, music)


def _find_features(config: "LineConfig") -> "FeatureConfig":
    """Return the settings of the first embedding."""
    found = next((features for features in config.features if features.embedding), None)
    if found is None:
        raise UsageError(
            "Proposals need an embedding. Add one to `representations` (musicnn), and `head` to "
            "`networks`."
        )
    return found


def _show(proposed: "Proposed", music: str | None) -> None:
    for sentence in _remarks(proposed, music):
        OUT.print(sentence, soft_wrap=True, highlight=False, markup=False)
    if not proposed.songs:
        return
    table = Table(title="Songs to label next", **PLAIN)
    for heading in ("song", "artist", "prediction", "p", "why"):
        table.add_column(heading, overflow="fold")
    for song in proposed.songs:
        confidence = f"{song.confidence:.2f}" if song.predicted else ""
        shown = (song.title or song.song, song.artist, song.predicted, confidence, song.why)
        table.add_row(*map(Text, shown))
    OUT.print(table)
    OUT.print("Listen to each, put its genre in place of the prediction, and train again:")
    for song in proposed.songs:
        OUT.print(_command(song), soft_wrap=True, highlight=False, markup=False)
    OUT.print("genreflow train", highlight=False)


def _command(song: "ProposedSong") -> str:
    genre = shlex.quote(song.predicted) if song.predicted else "GENRE"
    return f"genreflow decide {song.track_id[:SHOWN_DIGITS]} {genre}  # {song.song}"


def _remarks(proposed: "Proposed", music: str | None) -> list[str]:
    """Say what stands in the way of better proposals."""
    if not proposed.n_unlabelled or (music and not proposed.songs):
        where = f"of {music} " if music else ""
        return [
            f"The store has no unlabelled song {where}with an embedding. {_how_to_ingest(music)}"
        ]
    n_waiting = proposed.n_unlabelled - proposed.n_embedded
    return [
        *([f"{n_waiting} unlabelled songs wait for `genreflow extract`."] if n_waiting else []),
        *(
            ["No prediction: songs of two genres need labels first. Songs are spread alone."]
            if proposed.songs and not proposed.songs[0].predicted
            else []
        ),
    ]


def _how_to_ingest(music: str | None) -> str:
    place = shlex.quote(music) if music else "FOLDER"
    return f"Run `genreflow ingest {place} --unlabelled`, then `genreflow extract`."

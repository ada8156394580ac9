"""Commands on labels: suspects, similar, next, curve."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from flows.cli.app import SHOWN_DIGITS, AsJson, Home, app, at_home, print_json, read_config, show
from flows.cli.tables import PLAIN, plain_table, print_rows
from flows.environment import set_environment
from flows.settings import read_settings
from genre_core.errors import UsageError
from genre_core.records import counted, name_song
from genre_core.studies.learning_curve import N_DRAWS, LearningCurve
from storage.catalog.audits import suspect_rows
from storage.catalog.embeddings import Among
from storage.sources.identity import location_given
from tasks.terminal import ERR, OUT

if TYPE_CHECKING:
    from flows.settings import Settings
    from genre_core.representations.features import FeatureConfig
    from tasks.studies.propose import Proposed, ProposedSong
    from tasks.studies.similar import Embedder


@app.command()
def suspects(home: Home = None, as_json: AsJson = False) -> None:
    """List the songs whose label looks wrong, the least probable label first.

    Each training renews the list. Confirm or correct a label with `genreflow decide`, and the song
    leaves the list for good.

    Example: `genreflow suspects`
    """
    layout = read_settings(home=home).layout
    rows = suspect_rows(layout)
    if as_json:
        print_json(rows)
        return
    if not rows:
        show("No label looks wrong. `genreflow train` renews the list, if it has embeddings.")
        return
    headings = ("id", "label", "prediction", "song, and the nearest ones of other artists")
    OUT.print(plain_table("Labels that look wrong", headings, map(_suspect_row, rows)))
    decide = f"genreflow decide ID GENRE{at_home(layout)}"
    show(f"Play them, then confirm or correct a label: {decide}")


def _suspect_row(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    nearest = [f"  {near['genre']}: {_name(near)}" for near in row["neighbours"]]
    return (
        row["track_id"][:SHOWN_DIGITS],
        f"{row['confidence']:.2f} {row['genre']}",
        f"{row['predicted_confidence']:.2f} {row['predicted']}",
        "\n".join([_name(row), *nearest]),
    )


def _name(song: Mapping[str, Any]) -> str:
    return name_song(song["artist"], song["title"], song["track_id"][:SHOWN_DIGITS])


@app.command()
def similar(
    song: Annotated[
        str, typer.Argument(help="A file, a URL, a source, or the beginning of a track's id.")
    ],
    among: Annotated[
        Among, typer.Option("--in", help="All songs of the library, or part of them.")
    ] = Among.LIBRARY,
    n: Annotated[int, typer.Option("--n", min=1, help="Number of songs.")] = 10,
    representation: Annotated[
        str, typer.Option(help="The embedding; default: the first of the settings.")
    ] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show the songs that are nearest to a song, by the cosine of mean embeddings.

    A song that is not in the library is embedded for this alone.

    Example: `genreflow similar song.mp3 --n 5`
    """
    config, song = read_settings(home=home), location_given(song)
    from flows.studies.similar import find_embedder, find_similar

    def find(name: str) -> "Embedder":
        set_environment(config.layout.home, device=config.device)
        return find_embedder(config, name)

    chosen, rows = find_similar(config, song, find, representation, among, n)
    if as_json:
        print_json({"song": song, "representation": chosen, "songs": rows})
    else:
        headings = ("cosine", "genre", "song", "source")
        print_rows(OUT, Table(title="Similar songs", **PLAIN), headings, map(_similar_row, rows))


def _similar_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    source = row["source"] or ""
    name = name_song(row["artist"], row["title"], source)
    return (f"{row['cosine']:.2f}", row["genre"], name, source)


@app.command(name="next")
def propose_next(
    music: Annotated[
        str | None,
        typer.Argument(help="Only songs of this folder or manifest; default: all in the store."),
    ] = None,
    home: Home = None,
    n: Annotated[int, typer.Option("--n", min=1, help="Number of songs.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Propose the unlabelled songs whose labels would help most, as one batch.

    Songs that are unlike the labelled ones, are near many others and, once there are labels
    enough, are uncertain; at most a quarter are of one artist.

    Example: `genreflow next --n 20`
    """
    config = read_settings(home=home)
    if not config.layout.catalog.exists():
        raise UsageError(f"There is no song in {config.layout.home} yet. {_how_to_ingest(music)}")
    from storage.sources.listing import list_sources
    from tasks.studies.propose import propose

    listed = list_sources(music, takes_unlabelled=True) if music else []
    sources = [source.location for source in listed]
    proposed = propose(
        config.layout, _find_features(config), config.genres, config.tag_prior, n, sources
    )
    if as_json:
        print_json(asdict(proposed))
    else:
        _show(proposed, music, at_home(config.layout))


def _find_features(config: "Settings") -> "FeatureConfig":
    """Return the settings of the first embedding."""
    from genre_core.representations.features import embedding_features
    from storage.embeddings.registry import find_embedding

    for name in filter(config.embeds, config.read_representations):
        return embedding_features(find_embedding(name, config.embeddings), config.n_windows)
    raise UsageError(
        "Proposals need an embedding. Add one to `representations` (musicnn), and `head` to "
        "`networks`."
    )


def _show(proposed: "Proposed", music: str | None, home: str) -> None:
    show(*_remarks(proposed, music))
    if not proposed.songs:
        return
    headings = ("song", "artist", "prediction", "p", "why")
    table = Table(title="Songs to label next", **PLAIN)
    print_rows(OUT, table, headings, map(_proposed_row, proposed.songs))
    show(
        "Play each, put its genre in place of the prediction, and train again:",
        *(_command(song, home) for song in proposed.songs),
        f"genreflow train{home}",
    )


def _proposed_row(song: "ProposedSong") -> tuple[str, ...]:
    confidence = f"{song.confidence:.2f}" if song.predicted else ""
    return (song.title or song.song, song.artist, song.predicted, confidence, song.why)


def _command(song: "ProposedSong", home: str) -> str:
    genre = shlex.quote(song.predicted) if song.predicted else "GENRE"
    return f"genreflow decide {song.track_id[:SHOWN_DIGITS]} {genre}{home}  # {song.song}"


def _remarks(proposed: "Proposed", music: str | None) -> list[str]:
    """Return what prevents better proposals, and what to do about it."""
    if not proposed.n_unlabelled or (music and not proposed.songs):
        where = f"of {music} " if music else ""
        return [
            f"The store has no unlabelled song {where}with an embedding. {_how_to_ingest(music)}"
        ]
    remarks = []
    if n_waiting := proposed.n_unlabelled - proposed.n_embedded:
        remarks.append(
            f"Without an embedding: {counted(n_waiting, 'unlabelled song')}; "
            "run `genreflow extract`."
        )
    if proposed.songs and not proposed.songs[0].predicted:
        remarks.append(
            "No prediction, because fewer than two genres have songs: the songs are only spread."
        )
    return remarks


def _how_to_ingest(music: str | None) -> str:
    place = shlex.quote(music) if music else "FOLDER"
    return f"Run `genreflow ingest {place} --unlabelled`, then `genreflow extract`."


@app.command()
def curve(
    draws: Annotated[int, typer.Option(min=1, help="Choices of songs for each size.")] = N_DRAWS,
    representation: Annotated[
        str, typer.Option(help="The embedding; default: that of the latest snapshot.")
    ] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what accuracy to expect with 1, 2, 4, 8 … songs of each genre.

    Heads are fitted on songs drawn at random, and predict the songs of all other artists, with the
    tag prior and without.

    Example: `genreflow curve`
    """
    config = read_config(home=home)
    from tasks.studies.curve import measure_curve

    with ERR.status("Fitting heads"):
        report = measure_curve(
            config.layout, config.tag_prior, representation, draws, config.genres
        )
    if as_json:
        print_json(report.as_document())
        return
    OUT.print(_curves_table(report.curves))
    OUT.print(f"{report.caption} The intervals hold 95 % of single draws.", soft_wrap=True)
    OUT.print(f"The figure is {report.figure}", soft_wrap=True)


def _curves_table(curves: Sequence[LearningCurve]) -> Table:
    table = Table(title="Accuracy to expect (mean recall by song)", **PLAIN)
    table.add_column("songs of each genre", justify="right")
    for curve in curves:
        table.add_column(curve.name, no_wrap=True)
    table.add_column("songs predicted", justify="right")
    rows = [(str(p[0].n_songs), p) for p in zip(*(c.points for c in curves), strict=True)]
    if all(curve.all_songs for curve in curves):
        rows.append(("all", tuple(curve.all_songs for curve in curves if curve.all_songs)))
    for size, points in rows:
        scores = [str(point.accuracy) for point in points]
        table.add_row(*map(Text, (size, *scores, str(points[0].n_scored))))
    return table

"""Commands of the pipeline: run, ingest, extract, train, demo-library."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from flows.cli.app import Home, Verbose, app, prepare_config, show
from flows.cli.refusals import (
    require_extractable,
    require_known_music,
    require_named_music,
    require_several_genres,
    require_trainable,
)
from flows.cli.tables import outcome_sentence, print_comparison
from flows.settings import DEFAULT_REPRESENTATIONS, read_settings
from genre_core.dataset.labels import LabelsFrom
from genre_core.errors import UsageError
from genre_core.networks.registry import COMPARED_NETWORKS, NETWORK_NAMES
from genre_core.records import counted
from genre_core.representations.registry import REPRESENTATIONS
from storage.catalog.status import read_status
from storage.embeddings.config import BUILT_IN
from storage.lock import hold_home
from storage.sources.published import download_collection
from tasks.comparison import read_comparison
from tasks.terminal import ERR, announce

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flows.settings import Settings

Music = Annotated[
    str | None,
    typer.Argument(
        help="A folder with one folder a genre, a folder with a manifest.csv, a manifest "
        "(CSV, TSV, JSONL, Parquet), a library of beets (its database, or JSON that `beet export` "
        "writes), or FMA, GTZAN or MTG-Jamendo as distributed. Default: `music` of the settings, "
        "else what the home was fed from before."
    ),
]
Download = Annotated[
    str | None,
    typer.Option("--download", help="Fetch a public collection first: fma-small or fma-medium."),
]
Networks = Annotated[
    list[str] | None,
    typer.Option(
        "--network",
        help=f"Network to train, repeatable: {', '.join(NETWORK_NAMES)}. Default: "
        f"{', '.join(COMPARED_NETWORKS)}, or `networks` of the settings.",
        autocompletion=lambda: list(NETWORK_NAMES),
    ),
]
Lengths = Annotated[
    list[float] | None,
    typer.Option(
        "--fragment-s", help="Fragment length in seconds, repeatable. Default: 3, or the settings."
    ),
]
Seeds = Annotated[
    list[int] | None, typer.Option("--seed", min=0, help="Training seed, repeatable. Default: 0.")
]
Genres = Annotated[
    list[str] | None, typer.Option("--genre", help="Genre to use, repeatable. Default: all.")
]
Representations = Annotated[
    list[str] | None,
    typer.Option(
        "--representation",
        help="Embedding or spectrogram, repeatable. Default: "
        f"{', '.join(DEFAULT_REPRESENTATIONS)}, or `representations` of the settings.",
        autocompletion=lambda: [*BUILT_IN, *REPRESENTATIONS],
    ),
]


LabelFrom = Annotated[
    LabelsFrom | None,
    typer.Option(
        "--label-from",
        help="Where the labels of a folder are. Default: as it is laid out, which is printed.",
    ),
]
AnyGenres = Annotated[
    bool,
    typer.Option(
        "--yes", help="Take a library whose genres look like none: one genre alone, or artists."
    ),
]


@app.command()
def run(
    music: Annotated[
        str | None, typer.Argument(help="Your music; the built-in library where none is named.")
    ] = None,
    home: Home = None,
    network: Networks = None,
    fragment_s: Lengths = None,
    seed: Seeds = None,
    genre: Genres = None,
    representation: Representations = None,
    label_from: LabelFrom = None,
    download: Download = None,
    yes: AnyGenres = False,
    verbose: Verbose = False,
) -> None:
    """Run the whole pipeline: songs in, champion out, one prediction.

    Example: `genreflow run` (built-in library) or `genreflow run ~/Music`
    """
    config = prepare_config(
        verbose,
        check=lambda read: require_named_music(read, music, download),
        maps=True,
        recorded=True,
        home=home,
        music=music,
        networks=network,
        fragment_lengths_s=fragment_s,
        seeds=seed,
        genres=genre,
        representations=representation,
        label_from=label_from,
    )
    config = with_collection(config, download)
    if config.music and not yes:
        require_several_genres(config)
    announce("Loading the pipeline")
    from flows.cli.run import run_pipeline

    run_pipeline(config)


@app.command()
def ingest(
    music: Music = None,
    home: Home = None,
    unlabelled: Annotated[
        bool,
        typer.Option(
            "--unlabelled",
            help="Take in songs without a genre, in folders of any shape: they are predicted, "
            "never trained on.",
        ),
    ] = False,
    label_from: LabelFrom = None,
    genre: Genres = None,
    download: Download = None,
    cookies: Annotated[
        Path | None,
        typer.Option("--cookies", help="Cookies for music sites, as browsers export them."),
    ] = None,
    rate_limit: Annotated[
        int | None,
        typer.Option(
            "--rate-limit", help="Fastest download from a music site, in bytes per second."
        ),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option("--archive", help="A download archive of yt-dlp: its songs are not fetched."),
    ] = None,
    yes: AnyGenres = False,
    verbose: Verbose = False,
) -> None:
    """Fetch the songs of a library; every song gets one outcome.

    Example: `genreflow ingest ~/Music`
    """
    sites = {
        "cookies_file": cookies and str(cookies),
        "rate_limit_bytes_per_s": rate_limit,
        "archive_file": archive and str(archive),
    }
    config = prepare_config(
        verbose,
        check=lambda read: require_known_music(read, music, download),
        maps=True,
        home=home,
        music=music,
        unlabelled=unlabelled or None,
        label_from=label_from,
        genres=genre,
        sites={name: option for name, option in sites.items() if option is not None} or None,
    )
    from flows.ingest import ingest as ingest_flow

    config = with_collection(config, download)
    if config.music and not yes:
        require_several_genres(config)
    report = ingest_flow(config)
    show(f"Scanned {counted(report.n_new, 'song')}. {outcome_sentence(report.outcomes)}")
    print_reasons(config)
    complain_of_sites(report.given_up)


@app.command()
def extract(
    home: Home = None,
    fragment_s: Lengths = None,
    representation: Representations = None,
    verbose: Verbose = False,
) -> None:
    """Cut fragments and make spectrograms of every track that misses them.

    Example: `genreflow extract --fragment-s 1 --fragment-s 3`
    """
    config = prepare_config(
        verbose,
        check=require_extractable,
        maps=True,
        home=home,
        fragment_lengths_s=fragment_s,
        representations=representation,
    )
    from flows.extract import extract as extract_flow

    report = extract_flow(config, read_settings(home=config.home))
    show(f"{report.sentence} {outcome_sentence(report.outcomes)}")
    print_reasons(config)


@app.command()
def train(
    home: Home = None,
    network: Networks = None,
    fragment_s: Lengths = None,
    seed: Seeds = None,
    genre: Genres = None,
    representation: Representations = None,
    verbose: Verbose = False,
) -> None:
    """Train networks on what has been ingested, compare them, promote the best.

    Spectrograms that are missing at a length are made first; a finished training is kept.

    Example: `genreflow train --network cnn --network rnn --fragment-s 1 --fragment-s 3`
    """
    config = prepare_config(
        verbose,
        check=require_trainable,
        maps=True,
        home=home,
        networks=network,
        fragment_lengths_s=fragment_s,
        seeds=seed,
        genres=genre,
        representations=representation,
    )
    from flows.extract import extract as extract_flow
    from flows.train import train as train_flow
    from tasks.promote import explain_rejection

    extract_flow(config, read_settings(home=config.home))
    report = train_flow(config)
    layout, promotion = config.layout, report.promotion
    rows = [run.as_row() for run in report.runs]
    print_comparison(read_comparison(layout, rows), promotion.run_id if promotion else "")
    show(f"New: {counted(report.n_trained, 'training')}, {report.n_failed} failed.")
    show(promotion.reason if promotion else explain_rejection(layout, report.snapshot))


@app.command("demo-library")
def demo_library(
    folder: Annotated[Path, typer.Argument(help="Where the songs go, a folder a genre.")],
    seed: Annotated[int, typer.Option(help="Another seed composes other songs.")] = 0,
) -> None:
    """Compose the built-in library: six genres, by rules, the same for the same seed.

    Example: `genreflow demo-library ~/demo`
    """
    compose(folder, seed)
    show(f"The library is in {folder}, songs to classify afterwards in {unseen(folder)}.")


def compose(folder: Path, seed: int = 0) -> None:
    """Compose what is missing of the library, with a bar that shows the progress."""
    from demo.library import make_library

    with Progress(console=ERR) as bar:
        row = bar.add_task("compose", total=None)
        try:
            make_library(
                folder,
                seed=seed,
                unseen=unseen(folder),
                on_song=lambda done, total: bar.update(row, completed=done, total=total),
            )
        except ValueError as error:
            raise UsageError(str(error)) from error
        bar.update(row, completed=1, total=1)


def unseen(folder: Path) -> Path:
    """Return the folder of the songs that are not part of the library."""
    return folder.with_name(f"{folder.name}-unseen")


def with_collection(config: "Settings", name: str | None) -> "Settings":
    """Fetch the public collection that ``--download`` names, and name it as the music."""
    if name is None:
        return config
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    with hold_home(config.layout), Progress(*columns, TransferSpeedColumn(), console=ERR) as bar:
        row = bar.add_task(name, total=None)

        def advance(file: str, done: int, total: int) -> None:
            bar.update(row, description=file, completed=done, total=total or None)

        music = download_collection(config.layout, name, config.fma_url, config.limits, advance)
    return replace(config, music=str(music))


def print_reasons(config: "Settings") -> None:
    """Print how many songs were left out for which reason, and how to see each."""
    if reasons := read_status(config.layout)["reasons"]:
        named = ", ".join(f"{n_songs} {reason}" for reason, n_songs in reasons.items())
        show(
            f"Left out: {named}.",
            'Each with its message: genreflow sql "select source, reason, message from outcomes '
            "where outcome <> 'ok'\"",
        )


def complain_of_sites(given_up: "Mapping[str, str]") -> None:
    """Print which sites a run has given up, each with its last failure."""
    for site, failure in given_up.items():
        ERR.print(
            f"{site} was given up in this run; the next run tries it again. {failure}",
            soft_wrap=True,
        )

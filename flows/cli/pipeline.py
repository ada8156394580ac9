"""Commands of the line: run, ingest, extract, train, compare, promote."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import ERR, OUT, AsJson, Home, Verbose, app, print_json
from flows.cli.collections import with_collection
from flows.cli.running import hush_foreseen_errors
from flows.cli.start import stop_on_interrupt
from flows.cli.tables import given_up_sentences, outcome_sentence, print_comparison, reason_lines
from flows.environment import prepare_environment
from flows.settings import DEFAULT_REPRESENTATIONS, read_settings
from genre_core.errors import UsageError
from genre_core.networks.registry import COMPARED_NETWORKS, NETWORK_NAMES
from genre_core.representations.registry import REPRESENTATIONS
from storage.catalog.snapshots import choose_published
from storage.catalog.status import compared_rows, read_status
from storage.embeddings.config import BUILT_IN
from tasks.comparison import read_comparison

if TYPE_CHECKING:
    from flows.settings import Settings

Music = Annotated[
    str | None,
    typer.Argument(
        help="A folder with one folder a genre, a folder with a manifest.csv, a manifest "
        "(CSV, JSONL, Parquet), or FMA, GTZAN or MTG-Jamendo as distributed. Default: `music` of "
        "the settings."
    ),
]
MaybeMusic = Annotated[
    str | None, typer.Argument(help="Your music; the built-in library where none is named.")
]
Unlabelled = Annotated[
    bool,
    typer.Option(
        "--unlabelled",
        help="Take in songs without a genre, in folders of any shape: they are predicted, never "
        "trained on.",
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
    list[int] | None, typer.Option("--seed", help="Training seed, repeatable. Default: 0.")
]
Genres = Annotated[
    list[str] | None, typer.Option("--genre", help="Genre to tell apart, repeatable. Default: all.")
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
Cookies = Annotated[
    Path | None, typer.Option("--cookies", help="Cookies for music sites, as browsers export them.")
]
RateLimit = Annotated[
    int | None,
    typer.Option("--rate-limit", help="Fastest download from a music site, in bytes per second."),
]
ArchiveFile = Annotated[
    Path | None,
    typer.Option("--archive", help="A download archive of yt-dlp: its songs are not fetched."),
]
DespiteAudit = Annotated[
    bool,
    typer.Option(
        "--despite-audit", help="Promote although the audit of the songs failed or is missing."
    ),
]

Rollback = Annotated[bool, typer.Option("--rollback", help="Bring the previous champion back.")]
Version = Annotated[int | None, typer.Option("--version", help="Promote this registered version.")]
SnapshotId = Annotated[
    str,
    typer.Option(
        "--snapshot",
        help="A snapshot, or the beginning of its id. Default: the newest of your library.",
    ),
]


@app.command()
def run(
    music: MaybeMusic = None,
    home: Home = None,
    network: Networks = None,
    fragment_s: Lengths = None,
    seed: Seeds = None,
    genre: Genres = None,
    representation: Representations = None,
    download: Download = None,
    verbose: Verbose = False,
) -> None:
    """Run the whole line: songs in, champion out, one verdict.

    Example: [bold]genreflow run[/bold] (built-in library) or [bold]genreflow run ~/Music[/bold]
    """
    config = prepare_config(
        verbose,
        home=home,
        music=music,
        networks=network,
        fragment_lengths_s=fragment_s,
        seeds=seed,
        genres=genre,
        representations=representation,
    )
    from flows.cli.run import run_line

    run_line(with_collection(config, music, download))


@app.command()
def ingest(
    music: Music = None,
    home: Home = None,
    unlabelled: Unlabelled = False,
    genre: Genres = None,
    download: Download = None,
    cookies: Cookies = None,
    rate_limit: RateLimit = None,
    archive: ArchiveFile = None,
    verbose: Verbose = False,
) -> None:
    """Fetch the songs of a library; every song gets one outcome.

    Example: [bold]genreflow ingest ~/Music[/bold]
    """
    sites = _site_options(cookies, rate_limit, archive)
    options = {"music": music, "unlabelled": unlabelled or None, "genres": genre, "sites": sites}
    config = prepare_config(verbose, home=home, **options)
    from flows.ingest import ingest as ingest_flow

    report = ingest_flow(with_collection(config, music, download))
    OUT.print(f"Looked at: {report.n_new} songs. {outcome_sentence(report.outcomes)}")
    print_reasons(config)
    for sentence in given_up_sentences(report.given_up):
        ERR.print(sentence, highlight=False, markup=False)


@app.command()
def extract(
    home: Home = None,
    fragment_s: Lengths = None,
    representation: Representations = None,
    verbose: Verbose = False,
) -> None:
    """Cut fragments and make spectrograms of every track that misses them.

    Example: [bold]genreflow extract --fragment-s 1 --fragment-s 3[/bold]
    """
    config = prepare_config(
        verbose, home=home, fragment_lengths_s=fragment_s, representations=representation
    )
    from flows.extract import extract as extract_flow

    report = extract_flow(config)
    OUT.print(
        f"{report.n_tracks} tracks were looked at; the store has {report.n_examples} examples. "
        f"{outcome_sentence(report.outcomes)}"
    )
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

    Example: [bold]genreflow train --network cnn --network rnn --fragment-s 1 --fragment-s 3[/bold]
    """
    config = prepare_config(
        verbose,
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

    extract_flow(config)
    report = train_flow(config)
    champion = report.promotion.run_id if report.promotion else ""
    layout, rows = config.layout, [run.as_row() for run in report.runs]
    print_comparison(read_comparison(layout, rows), champion)
    OUT.print(f"{report.n_trained} trainings were new, {report.n_failed} failed.")
    OUT.print(
        report.promotion.reason if report.promotion else explain_rejection(layout, report.snapshot)
    )


@app.command()
def compare(home: Home = None, snapshot: SnapshotId = "", as_json: AsJson = False) -> None:
    """Show the networks on a library side by side, with intervals, seeds averaged.

    Example: [bold]genreflow compare[/bold]
    """
    settings = read_settings(home=home)
    layout, chosen = settings.layout, None
    chosen = choose_published(layout, settings.snapshot_choice(snapshot))
    rows = compared_rows(layout, chosen.library_id) if chosen else []
    if not rows and not as_json:
        where = f" on {chosen}" if chosen else ""
        OUT.print(f"No run has finished{where} yet. Run `genreflow train`.", soft_wrap=True)
        return
    comparison = read_comparison(layout, rows)
    if as_json:
        snapshot_id = chosen.snapshot_id if chosen else None
        print_json({"snapshot_id": snapshot_id, "runs": rows, **comparison.as_document()})
    else:
        OUT.print(f"Runs on {chosen}.", highlight=False, soft_wrap=True)
        print_comparison(comparison, next((row["run_id"] for row in rows if row["champion"]), ""))


@app.command()
def promote(
    home: Home = None,
    despite_audit: DespiteAudit = False,
    rollback: Rollback = False,
    version: Version = None,
    snapshot: SnapshotId = "",
    verbose: Verbose = False,
) -> None:
    """Promote the best run on a library if it proves better, or a version that you choose.

    Example: [bold]genreflow promote[/bold]
    """
    config = prepare_config(verbose, home=home)
    from flows.promote import promote as promote_flow
    from tasks.promote import explain_rejection
    from tasks.splits import resolve_snapshot

    if rollback and version is not None:
        raise UsageError("Use --rollback or --version, not both.")
    promotion = promote_flow(config, despite_audit, rollback, version, snapshot)
    if rollback or version is not None:
        OUT.print(promotion.reason if promotion else "")
        return
    chosen = resolve_snapshot(config.layout, config.snapshot_choice(snapshot))
    OUT.print(f"Runs on {chosen}.", highlight=False, soft_wrap=True)
    OUT.print(promotion.reason if promotion else explain_rejection(config.layout, chosen))


def _site_options(
    cookies: Path | None, rate_limit: int | None, archive: Path | None
) -> dict[str, object]:
    """Return the settings of sites that the command line names; the others stay."""
    options = {
        "cookies_file": cookies and str(cookies),
        "rate_limit_bytes_per_s": rate_limit,
        "archive_file": archive and str(archive),
    }
    return {name: option for name, option in options.items() if option is not None}


def print_reasons(config: "Settings") -> None:
    """Say why songs were left out."""
    for line in reason_lines(read_status(config.layout)["reasons"]):
        OUT.print(line, soft_wrap=True, highlight=False)


def prepare_config(verbose: bool, **options: object) -> "Settings":
    """Read the settings and prepare the environment, before anything slow is imported."""
    config = read_settings(**options)
    prepare_environment(config.layout.home, verbose, config.device)
    hush_foreseen_errors()
    stop_on_interrupt()
    return config

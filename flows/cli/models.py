"""Commands on models and their scores: compare, promote, golden, morning, explain."""

from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import (
    AsJson,
    Home,
    Verbose,
    app,
    prepare_config,
    print_json,
    read_config,
    require_home,
    show,
)
from flows.cli.tables import plain_table, print_comparison
from flows.settings import read_settings
from genre_core.errors import UsageError
from genre_core.locations import path_of
from genre_core.records import counted
from storage.catalog.connection import open_catalog
from storage.catalog.promotions import require_replaced
from storage.catalog.runs import require_run
from storage.catalog.snapshots import choose_published, resolve_snapshot
from storage.catalog.status import compared_rows
from storage.lock import hold_home
from storage.models.champion import may_be_registered, no_version
from storage.sources.identity import location_given
from tasks.comparison import read_comparison
from tasks.terminal import OUT

if TYPE_CHECKING:
    from flows.settings import Settings
    from storage.catalog.promotions import Golden

SnapshotId = Annotated[
    str,
    typer.Option(
        "--snapshot",
        help="A snapshot, or the beginning of its id. Default: the newest of your library.",
    ),
]


@app.command()
def compare(home: Home = None, snapshot: SnapshotId = "", as_json: AsJson = False) -> None:
    """Show the networks on a library side by side, with intervals, seeds averaged.

    Example: `genreflow compare`
    """
    settings = read_settings(home=home)
    layout = settings.layout
    chosen = choose_published(layout, settings.snapshot_choice(snapshot))
    rows = compared_rows(layout, chosen.library_id) if chosen else []
    if not rows and not as_json:
        where = f" on {chosen}" if chosen else ""
        show(f"No run has finished{where} yet. Run `genreflow train`.")
        return
    comparison = read_comparison(layout, rows)
    if as_json:
        snapshot_id = chosen.snapshot_id if chosen else None
        print_json({"snapshot_id": snapshot_id, "runs": rows, **comparison.as_document()})
    else:
        show(f"Runs on {chosen}.")
        print_comparison(comparison, next((row["run_id"] for row in rows if row["champion"]), ""))


@app.command()
def promote(
    home: Home = None,
    despite_audit: Annotated[
        bool,
        typer.Option(
            "--despite-audit", help="Promote although the audit of the songs failed or is missing."
        ),
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Bring the previous champion back.")
    ] = False,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Promote this registered version.")
    ] = None,
    snapshot: SnapshotId = "",
    verbose: Verbose = False,
) -> None:
    """Promote the best run on a library if it proves better, or a version that you choose.

    Example: `genreflow promote`
    """
    if rollback and version is not None:
        raise UsageError("Use --rollback or --version, not both.")
    check = partial(_require_promoted, snapshot, rollback, version)
    config = prepare_config(verbose, check=check, home=home)
    from flows.promote import promote as promote_flow
    from tasks.promote import explain_rejection

    promotion = promote_flow(config, despite_audit, rollback, version, snapshot)
    if rollback or version is not None:
        show(promotion.reason if promotion else "")
        return
    chosen = resolve_snapshot(config.layout, config.snapshot_choice(snapshot))
    show(f"Runs on {chosen}.")
    show(promotion.reason if promotion else explain_rejection(config.layout, chosen))


def _require_promoted(
    snapshot: str, rollback: bool, version: int | None, config: "Settings"
) -> None:
    """Refuse, besides, a version that is not there, and to roll back where nothing was replaced."""
    require_snapshot(snapshot, config)
    if version is not None and not may_be_registered(config.layout, version):
        raise no_version(config.layout, version)
    if rollback:
        with open_catalog(config.layout) as catalog:
            require_replaced(catalog)


def require_snapshot(snapshot: str, config: "Settings") -> None:
    """Refuse settings of a folder that is no home, and a snapshot that is not there."""
    require_home(config)
    if snapshot:
        resolve_snapshot(config.layout, config.snapshot_choice(snapshot))


@app.command()
def golden(
    home: Home = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Freeze the golden songs of now as a new version.")
    ] = False,
) -> None:
    """Show the golden songs, held out for promotions: frozen versions, and the songs of now.

    Example: `genreflow golden`
    """
    config = read_config(home=home)
    from storage.catalog.promotions import (
        read_golden_versions,
        read_next_golden,
        read_split_by_song,
        renew_golden,
    )
    from storage.catalog.publish import publish

    with hold_home(config.layout) if renew else nullcontext():
        with open_catalog(config.layout) as catalog:
            renewed = renew_golden(catalog) if renew else None
            versions, coming = read_golden_versions(catalog), read_next_golden(catalog)
            split_by_song = read_split_by_song(catalog)
        if renew:
            publish(config.layout)
            show(f"Version {renewed.version} is frozen." if renewed else "Nothing has changed.")
    _show_golden([*((str(v.version), v) for v in versions), ("now", coming)])
    for genre, n_songs in split_by_song.items():
        show(
            f"{genre} is only split by song: {n_songs} of its golden songs may share an artist "
            "with training songs."
        )
    if not versions:
        show(
            "No version is frozen yet: champion and challenger are compared on validation songs. "
            f"A genre gives golden songs once it has {counted(config.golden.min_groups, 'artist')} "
            "(golden.min_groups), and a version is frozen once every genre has some."
        )


def _show_golden(named: "list[tuple[str, Golden]]") -> None:
    genres = sorted({genre for _, version in named for genre in version.n_songs})
    rows = [
        (name, len(version.genre_of_track), *(version.n_songs.get(genre, 0) for genre in genres))
        for name, version in named
    ]
    OUT.print(plain_table("Golden songs", ("version", "songs", *genres), rows))


@app.command()
def morning(
    home: Home = None,
    as_json: AsJson = False,
    failed: Annotated[
        bool, typer.Option("--failed", hidden=True, help="Tell that a scheduled run failed.")
    ] = False,
) -> None:
    """Write the report of the last nightly run: what is new, what changed, what needs a decision.

    Example: `genreflow morning`
    """
    if failed:
        from flows.cli.failure import report_failure

        report_failure(home)
        return
    config = read_config(home=home)
    from tasks.report.notify import make_report

    choice, excerpts = config.snapshot_choice(), config.night.excerpts
    page = make_report(config.layout, choice=choice, excerpts=excerpts)
    if as_json:
        print_json(page.as_document())
    else:
        show(page.summary)


def _require_explained(song: str, run: str, config: "Settings") -> None:
    """Refuse a song or a run that is not there."""
    require_home(config)
    if "://" not in song and not Path(path_of(song)).is_file():
        raise UsageError(f"There is no file {song}. Name a file or a URL of a song.")
    if run:
        with open_catalog(config.layout) as catalog:
            require_run(catalog, run)


@app.command()
def explain(
    song: Annotated[str, typer.Argument(help="A file or URL of a song.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of page and figures (default: one below reports/explain)."),
    ] = None,
    run: Annotated[
        str, typer.Option(help="A run in place of the champion, by its id, or its beginning.")
    ] = "",
    home: Home = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Draw which bands and moments the prediction of a song rests on; nothing else is stored.

    Of a convolutional network, also the activations of its layers. One HTML page has all figures,
    and players of the fragments.

    Example: `genreflow explain song.mp3 --out figures`
    """
    song = location_given(song)
    check = partial(_require_explained, song, run)
    config = prepare_config(verbose, check=check, writes=False, home=home)
    layout = config.layout
    from storage.reports import writable_reports
    from tasks.studies.explain import explain_song, name_folder

    folder = out or writable_reports(layout) / "explain" / name_folder(song)
    explanation = explain_song.fn(layout, song, folder, run, config.snapshot_choice())
    if as_json:
        print_json(asdict(explanation))
        return
    OUT.print(f"{explanation.genre}, {explanation.probability:.2f}")
    for figure in explanation.figures:
        OUT.print(f"  {figure}", soft_wrap=True)
    OUT.print(f"The page is {explanation.page}", soft_wrap=True)

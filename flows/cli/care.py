"""Commands backup and restore: a home copied while nothing writes, and made anew from the copy."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import FAILURE, OUT, AsJson, Home, app, complain, print_json
from flows.cli.pipeline import prepare_config
from flows.environment import QUIET
from flows.settings import read_settings
from storage.lock import hold_home
from storage.maintenance.retention import tidy_home

if TYPE_CHECKING:
    from storage.home import DataLayout
    from storage.maintenance.health import Finding

Folder = Annotated[Path, typer.Argument(help="The folder of the backup.")]


@app.command()
def backup(
    folder: Folder,
    check_all: Annotated[
        bool, typer.Option("--check-all", help="Digest all copies, not a seventh a day.")
    ] = False,
    home: Home = None,
) -> None:
    """Copy the home into a folder; a second time copies only what is new.

    Waits for nobody: while a run is at work, it says so and ends with 1. Readers go on. Copies
    that are damaged are made anew. The exit code is 1 if songs or shards of the home are gone, too.

    Example: [bold]genreflow backup /mnt/backup/genreflow[/bold]
    """
    layout = read_settings(home=home).layout
    from storage.maintenance.backup import back_up

    kept = back_up(layout, folder, check_all)
    OUT.print(f"{folder} holds {kept.n_files} files, {kept.n_new} of them new.", soft_wrap=True)
    if kept.n_mended:
        OUT.print(f"{kept.n_mended} copies were damaged, and were made anew.", soft_wrap=True)
    if kept.left_out:
        OUT.print(f"Not included: the shards in {kept.left_out}; keep them there.", soft_wrap=True)
    if kept.runs_left_out:
        OUT.print(
            f"Not included: runs and models, on the tracking server {kept.runs_left_out}; back up "
            "its database and its artifacts, too.",
            soft_wrap=True,
        )
    _tell_missing(kept.n_lost, kept.n_gone)


@app.command()
def restore(
    folder: Folder,
    without_damaged: Annotated[
        bool, typer.Option("--without-damaged", help="Leave out songs and shards that are damaged.")
    ] = False,
    home: Home = None,
) -> None:
    """Make a home out of a backup; the home must be empty or not there.

    Example: [bold]genreflow restore /mnt/backup/genreflow --home /srv/genreflow[/bold]
    """
    layout = read_settings(home=home).layout
    from storage.maintenance.restore import make_home

    for name, setting in QUIET.items():
        os.environ.setdefault(name, setting)
    restored = make_home(layout, folder, without_damaged)
    _tell_left_out(restored.left_out)
    OUT.print(
        f"{layout.home} holds {restored.n_files} files again; now run `genreflow doctor --deep`.",
        soft_wrap=True,
    )
    if restored.runs_elsewhere:
        OUT.print(
            f"Its runs and models are on the tracking server {restored.runs_elsewhere}, not in "
            "the backup; set `tracking` to it.",
            soft_wrap=True,
        )


def _tell_missing(n_songs: int, n_shards: int) -> None:
    """End with 1 if the home has lost something."""
    if n_songs:
        complain(
            f"{n_songs} songs are not in the home any more; copies that the backup had of them "
            "stay in it. `genreflow doctor --repair` lets the next ingest fetch them again."
        )
    if n_shards:
        complain(
            f"{n_shards} shards are not in the home, and so not in the backup; `genreflow "
            "extract` makes them again."
        )
    if n_songs or n_shards:
        raise typer.Exit(FAILURE)


def _tell_left_out(names: Sequence[str]) -> None:
    for name in names:
        complain(f"{name} is gone or damaged in the backup, and was left out.")
    if names:
        complain(
            "`genreflow extract` makes shards again; `genreflow doctor --repair` lets the next "
            "ingest fetch songs again."
        )


Deep = Annotated[
    bool, typer.Option("--deep", help="Read every song and every shard, and compare them.")
]
Repair = Annotated[
    bool,
    typer.Option("--repair", help="Look deep; forget what is damaged, so that it is made again."),
]


@app.command()
def doctor(
    home: Home = None, as_json: AsJson = False, deep: Deep = False, repair: Repair = False
) -> None:
    """Check the machine and the store; the exit code is 1 if anything is wrong.

    Example: [bold]genreflow doctor --deep[/bold]
    """
    from storage.maintenance.health import examine

    layout = read_settings(home=home).layout
    repaired = _repair(layout) if repair else []
    findings = [*examine(layout), *(_look_deep(layout) if deep or repair else [])]
    if as_json:
        checks = [finding.as_row() for finding in findings]
        ok = all(finding.ok for finding in findings)
        print_json({"ok": ok, "checks": checks, "repaired": repaired})
    else:
        _tell(findings, repaired)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(FAILURE)


def _look_deep(layout: "DataLayout") -> "list[Finding]":
    from storage.lock import hold_home
    from storage.maintenance.health import examine_deeply

    if not layout.catalog.exists():
        return []
    with hold_home(layout):
        return examine_deeply(layout)


def _repair(layout: "DataLayout") -> list[str]:
    from storage.catalog.publish import publish
    from storage.lock import hold_home
    from storage.maintenance.integrity import repair_shards, repair_songs, sweep_songs

    if not layout.catalog.exists():
        return []
    with hold_home(layout):
        shards, songs = repair_shards(layout), repair_songs(layout)
        sweep_songs(layout)
        publish(layout)
        return [f"shard {name}" for name in shards] + [f"song {track_id}" for track_id in songs]


def _tell(findings: "list[Finding]", repaired: list[str]) -> None:
    for finding in findings:
        mark = "[green]✓[/green]" if finding.ok else "[red]✗[/red]"
        OUT.print(f"{mark} {finding.name}: {finding.message}", soft_wrap=True)
    for name in repaired:
        OUT.print(f"Forgotten, to be made again: {name}", soft_wrap=True)
    if repaired:
        OUT.print("Now run `genreflow ingest` with your music, then `genreflow extract`.")


@app.command()
def tidy(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would go, with sizes.")
    ] = False,
    home: Home = None,
) -> None:
    """Remove orphans, caches, and the snapshots and networks that `[keep]` does not keep.

    Example: [bold]genreflow tidy --dry-run[/bold]
    """
    config = prepare_config(False, home=home)
    if dry_run:
        with hold_home(config.layout):
            found = tidy_home(config.layout, config.keep, dry_run=True)
    else:
        from flows.maintenance import tidy as tidy_flow

        found = list(tidy_flow(config).gone)
    for thing in found:
        OUT.print(f"{thing.kind} {thing.name} {thing.n_bytes / 2**20:.2f} MiB", highlight=False)
    n_mib = sum(thing.n_bytes for thing in found) / 2**20
    OUT.print(f"{'Would remove' if dry_run else 'Removed'} {n_mib:.2f} MiB.", highlight=False)

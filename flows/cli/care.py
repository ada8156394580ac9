"""Commands doctor, support-bundle, backup, restore and tidy."""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from flows.cli.app import (
    FAILURE,
    AsJson,
    Home,
    app,
    complain,
    prepare_config,
    print_json,
    read_config,
    show,
)
from flows.environment import QUIET
from flows.settings import Settings, read_settings
from genre_core.errors import UsageError
from genre_core.records import counted
from storage.lock import hold_home
from tasks.terminal import OUT

if TYPE_CHECKING:
    from storage.home import DataLayout
    from storage.maintenance.doctor import Finding

Folder = Annotated[Path, typer.Argument(help="The folder of the backup.")]


@app.command()
def backup(
    folder: Folder,
    check_all: Annotated[
        bool, typer.Option("--check-all", help="Digest all backup objects, not a seventh a day.")
    ] = False,
    home: Home = None,
) -> None:
    """Copy the home into a folder; a second time copies only what is new.

    The folder is empty, or holds backups of this home; `keep.backups` of them stay. Fails with exit
    code 1 while a run is at work in the home. Damaged backup objects are written again. The exit
    code is also 1 if the home lacks songs or shards that its catalog names.

    Example: `genreflow backup /mnt/backup/genreflow`
    """
    config = read_config(home=home)
    from storage.maintenance.backup import back_up

    report = back_up(config.layout, folder, check_all, config.keep.backups)
    show(f"{folder} holds {counted(report.n_files, 'file')}, {report.n_new} of them new.")
    if report.n_backups > 1:
        show(
            f"{counted(report.n_backups - 1, 'earlier backup is', 'earlier backups are')} kept; "
            f"`genreflow restore {folder} --list` lists every one."
        )
    if report.n_repaired:
        show(f"Wrote {counted(report.n_repaired, 'damaged backup object')} again.")
    if report.shards_elsewhere:
        show(f"Not included: the shards in {report.shards_elsewhere}; keep them there.")
    if report.runs_elsewhere:
        show(
            f"Not included: runs and models, on the tracking server {report.runs_elsewhere}; back "
            "up its database and its artifacts, too."
        )
    if report.n_missing_songs:
        complain(
            f"The home misses {counted(report.n_missing_songs, 'song')}; the backup keeps its "
            "copies of them. Run `genreflow doctor --repair`, then `genreflow ingest`."
        )
    if report.n_missing_shards:
        complain(
            f"Home and backup miss {counted(report.n_missing_shards, 'shard')}. Run "
            "`genreflow extract` to make them again."
        )
    if report.n_missing_songs or report.n_missing_shards:
        raise typer.Exit(FAILURE)


@app.command()
def restore(
    folder: Folder,
    without_damaged: Annotated[
        bool, typer.Option("--without-damaged", help="Leave out songs and shards that are damaged.")
    ] = False,
    list_only: Annotated[
        bool, typer.Option("--list", help="List the backups that the folder keeps; restore none.")
    ] = False,
    at: Annotated[
        str, typer.Option(help="Restore the newest backup of this date or time (UTC), or before.")
    ] = "",
    home: Home = None,
) -> None:
    """Restore a backup into a home that is empty or does not exist.

    Example: `genreflow restore /mnt/backup/genreflow --home /srv/genreflow`
    """
    layout = read_settings(home=home).layout
    from storage.maintenance.restore import restore as restore_home

    if list_only:
        _show_backups(folder)
        return
    for name, setting in QUIET.items():
        os.environ.setdefault(name, setting)
    report = restore_home(layout, folder, without_damaged, at)
    complain(
        *(f"{name} is damaged or missing in the backup: left out." for name in report.left_out)
    )
    if report.left_out:
        complain(
            "Run `genreflow extract` to make shards again; `genreflow doctor --repair`, then "
            "`genreflow ingest`, to get songs again."
        )
    show(
        f"Restored {counted(report.n_files, 'file')} to {layout.home}; now run "
        "`genreflow doctor --deep`."
    )
    if report.runs_elsewhere:
        show(
            f"Its runs and models are on the tracking server {report.runs_elsewhere}, not in the "
            "backup; set `tracking` to it."
        )


def _show_backups(folder: Path) -> None:
    from storage.maintenance.backup_folder import list_manifests, name_time

    for manifest in list_manifests(folder):
        n_mib = sum(file.n_bytes for file in manifest.files.values()) / 2**20
        time = name_time(manifest.finished_at)
        show(f"{time}  {counted(len(manifest.files), 'file')}, {n_mib:.1f} MiB, of {manifest.home}")


@app.command()
def doctor(
    home: Home = None,
    as_json: AsJson = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every song and every shard, and compare them.")
    ] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Check deeply; forget what is damaged, so that it is made again."
        ),
    ] = False,
) -> None:
    """Check the machine, the store and the models; the exit code is 1 if anything is wrong.

    Example: `genreflow doctor --deep`
    """
    config = read_config(home=home)
    from storage.maintenance.doctor import examine, examine_deeply

    layout, repaired = config.layout, _repair(config.layout) if repair else []
    embeddings = [name for name in config.read_representations if config.embeds(name)]
    findings = examine(layout, embeddings, config.embeddings)
    if (deep or repair) and layout.catalog.exists():
        with hold_home(layout, writes=False):
            findings += examine_deeply(layout)
    ok = all(finding.ok for finding in findings)
    if as_json:
        checks = [finding.as_row() for finding in findings]
        print_json({"ok": ok, "checks": checks, "repaired": repaired})
    else:
        _show_findings(findings, repaired)
    if not ok:
        raise typer.Exit(FAILURE)


@app.command()
def support_bundle(
    file: Annotated[
        Path | None, typer.Argument(help="The file to write. Default: genreflow-support-DATE.zip.")
    ] = None,
    home: Home = None,
) -> None:
    """Write a zip for a person who helps you: versions, counts, doctor, last logs.

    It has no music; names of songs and artists of the catalog, paths and known secrets are
    replaced. It replaces no file.

    Example: `genreflow support-bundle`
    """
    config = read_config(home=home)
    from storage.maintenance.doctor import examine
    from storage.maintenance.support import make_bundle, write_bundle

    path = file or Path(f"genreflow-support-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.zip")
    require_new(path)
    embeddings = [name for name in config.read_representations if config.embeds(name)]
    findings = examine(config.layout, embeddings, config.embeddings)
    given, defaults = (_plain_settings(one) for one in (config, Settings()))
    parts = make_bundle(config.layout, given, defaults, findings)
    write_bundle(parts, path)
    show(*(f"{part.name}: {part.content}" for part in parts))
    show(
        f"Wrote {path}. It has no music. Names of songs and artists of the catalog, paths and "
        "secrets that are known were replaced; other names cannot be known: read it before you "
        "send it."
    )


def require_new(path: Path) -> None:
    """Refuse a file that is there, and a folder that is not, before anything is gathered."""
    if path.exists():
        raise UsageError(f"{path} is there already. Name another file.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}. Create it, or name another file.")


def _plain_settings(config: Settings) -> dict[str, Any]:
    return dict(json.loads(json.dumps(asdict(config), default=str)))


def _repair(layout: "DataLayout") -> list[str]:
    from storage.catalog.publish import publish
    from storage.maintenance.integrity import repair

    if not layout.catalog.exists():
        return []
    with hold_home(layout):
        shards, songs = repair(layout)
        publish(layout)
        return [f"shard {name}" for name in shards] + [f"song {track_id}" for track_id in songs]


def _show_findings(findings: "list[Finding]", repaired: list[str]) -> None:
    for finding in findings:
        mark = Text("✓", "green") if finding.ok else Text("✗", "red")
        OUT.print(mark, f"{finding.name}: {finding.message}", soft_wrap=True)
    show(*(f"Forgotten, to be made again: {name}" for name in repaired))
    if repaired:
        show("Now run `genreflow ingest` with your music, then `genreflow extract`.")


@app.command()
def tidy(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be removed, with sizes.")
    ] = False,
    home: Home = None,
) -> None:
    """Remove orphans, and the snapshots and models that the settings `[keep]` do not retain.

    Example: `genreflow tidy --dry-run`
    """
    config = prepare_config(False, writes=not dry_run, home=home)
    if dry_run:
        from storage.maintenance.retention import tidy_home

        with hold_home(config.layout, writes=False):
            found = tidy_home(config.layout, config.keep, config.snapshot_choice(), dry_run=True)
    else:
        from flows.maintenance import tidy as tidy_flow

        found = list(tidy_flow(config).removed)
    show(*(f"{unused.kind} {unused.name} {unused.n_bytes / 2**20:.2f} MiB" for unused in found))
    n_mib = sum(unused.n_bytes for unused in found) / 2**20
    show(f"{'Would remove' if dry_run else 'Removed'} {n_mib:.2f} MiB.")

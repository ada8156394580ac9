"""The doctor: is everything well? It imports neither Prefect nor MLflow nor TensorFlow."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import FAILURE, OUT, AsJson, Home, app, print_json
from flows.settings import read_line_config

if TYPE_CHECKING:
    from storage.health import Finding
    from storage.layout import DataLayout

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
    from storage.health import examine

    layout = read_line_config(home=home).layout
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
    from storage.health import examine_deeply
    from storage.lock import hold_home

    if not layout.catalog.exists():
        return []
    with hold_home(layout):
        return examine_deeply(layout)


def _repair(layout: "DataLayout") -> list[str]:
    from storage.catalog.published import publish
    from storage.lock import hold_home
    from storage.repair import repair_shards, repair_songs, sweep_songs

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

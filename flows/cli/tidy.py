"""Command tidy: what nothing needs any more is shown, and removed."""

from typing import Annotated

import typer

from flows.cli.app import OUT, Home, app
from flows.cli.line import prepare_config
from storage.lock import hold_home
from storage.tidying import tidy_home


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
        from flows.tidy import tidy as tidy_flow

        found = list(tidy_flow(config).gone)
    for thing in found:
        OUT.print(f"{thing.kind} {thing.name} {thing.n_bytes / 2**20:.2f} MiB", highlight=False)
    n_mib = sum(thing.n_bytes for thing in found) / 2**20
    OUT.print(f"{'Would remove' if dry_run else 'Removed'} {n_mib:.2f} MiB.", highlight=False)

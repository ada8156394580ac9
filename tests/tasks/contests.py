"""Planted predictions: contests whose numbers a test decides."""

from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.snapshots import NEWEST, Snapshot, resolve_snapshot
from storage.home import DataLayout

N_PLANTED = 12
GENRES = ("clicks", "hiss", "hums")


def newest(layout: DataLayout) -> Snapshot:
    """Return the newest snapshot of all genres."""
    return resolve_snapshot(layout, NEWEST)


def plant_songs(layout: DataLayout, split: str = "validation") -> None:
    """Add twelve songs a genre to every snapshot; every run is right about the split."""
    with open_catalog(layout) as catalog:
        catalog.execute("update predictions set predicted = genre where split = ?", [split])
        for genre in GENRES:
            names = [f"{split} {genre} {number:02}" for number in range(N_PLANTED)]
            catalog.execute(
                "insert into snapshot_tracks select snapshot_id, name, ?, ?, name, 'group' "
                "from snapshots, (select unnest(?) as name)",
                [genre, split, names],
            )
            catalog.execute(
                "insert into predictions (run_id, track_id, split, genre, predicted, "
                "probability, probabilities) select run_id, name, ?, ?, ?, 0.9, [] "
                "from runs, (select unnest(?) as name)",
                [split, genre, genre, names],
            )


def plant_golden(layout: DataLayout) -> None:
    """Freeze twelve golden songs a genre; every run is right about them."""
    with open_catalog(layout) as catalog:
        for genre in GENRES:
            for number in range(N_PLANTED):
                name = f"golden {genre} {number:02}"
                catalog.execute(
                    "insert into tracks select * replace (? as track_id, ? as artist, "
                    "? as packets_id) from tracks where genre = ? limit 1",
                    [name, name, name, genre],
                )
                catalog.execute(
                    "insert into assignments values (?, ?, 'golden', ?, 'group', now())",
                    [name, genre, name],
                )
                catalog.execute("insert into golden_songs values (1, ?, ?, now())", [name, genre])
                catalog.execute(
                    "insert into predictions (run_id, track_id, split, genre, predicted, "
                    "probability, probabilities) "
                    "select run_id, ?, 'golden', ?, ?, 0.9, [] from runs",
                    [name, genre, genre],
                )


def set_right(layout: DataLayout, where: str, split: str = "validation", **n_right: int) -> None:
    """Let runs be right about so many of the planted songs of each genre alone."""
    for genre, n in n_right.items():
        wrong = GENRES[(GENRES.index(genre) + 1) % len(GENRES)]
        names = [f"{split} {genre} {number:02}" for number in range(n, N_PLANTED)]
        with open_catalog(layout) as catalog:
            catalog.execute(
                f"update predictions set predicted = ? where track_id in (select unnest(?)) "
                f"and {where}",
                [wrong, names],
            )


def rows(layout: DataLayout, table: str) -> list[dict[str, object]]:
    """Return the rows of a table in the order of their insertion."""
    with open_catalog(layout) as catalog:
        return fetch_rows(catalog, f"select * from {table} order by rowid")


def execute(layout: DataLayout, statement: str, *parameters: object) -> None:
    with open_catalog(layout) as catalog:
        catalog.execute(statement, list(parameters))


def aliases(layout: DataLayout) -> dict[str, int]:
    from storage.models.registry import find_alias
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    found = {name: find_alias(tracking, name) for name in ("champion", "challenger", "previous")}
    return {name: one.version for name, one in found.items() if one}


def move_alias(layout: DataLayout, alias: str, version: int | None) -> None:
    from storage.models.registry import set_alias
    from storage.models.store import open_tracking

    set_alias(open_tracking(layout), alias, version)

"""Decisions of people on genres: recorded, taken back, and published, in one short transaction."""

from pathlib import Path

from flows.settings import Settings
from storage.catalog.connection import open_catalog
from storage.catalog.labelling import ImportedLine, import_labels
from storage.catalog.publish import publish
from storage.catalog.recordings import (
    UndoneDecision,
    decide_genre,
    undo_decision,
    undo_decisions,
)
from storage.lock import hold_home
from storage.sources.manifest import read_labels


def prepare() -> None:
    """Import what the first decision would wait a second for."""
    import tasks.nightly  # noqa: F401 - names who decides


def decide(config: Settings, song: str, genre: str, who: str) -> int:
    """Decide the genre of a recording; return its number of tracks.

    Raises `UsageError` for an unknown song or genre, `TransientError` if the home is held.
    """
    genres = {*config.genres, *config.genre_map.values()}
    with hold_home(config.layout):
        with open_catalog(config.layout) as catalog:
            n_tracks = decide_genre(catalog, song, genre, genres, who)
        publish(config.layout)
    return n_tracks


def import_table(
    config: Settings, table: Path, who: str | None, *, takes_new_genres: bool = False
) -> list[ImportedLine]:
    """Decide the genres that a table names, in one transaction; without ``who`` write nothing.

    Raises `UsageError` for a table that cannot be read, `TransientError` if the home is held.
    """
    lines = read_labels(table)
    genres = None if takes_new_genres else {*config.genres, *config.genre_map.values()}
    with hold_home(config.layout, writes=who is not None):
        with open_catalog(config.layout) as catalog:
            imported = import_labels(catalog, lines, table.absolute().parent, genres, who)
        if any(line.decision_id is not None for line in imported):
            publish(config.layout)
    return imported


def undo_several(config: Settings, first: int, last: int, who: str) -> list[UndoneDecision]:
    """Take back the decisions of these numbers that hold; return what they were."""
    with hold_home(config.layout):
        with open_catalog(config.layout) as catalog:
            undone = undo_decisions(catalog, first, last, who)
        publish(config.layout)
    return undone


def undo(config: Settings, decision_id: int | None, who: str) -> UndoneDecision:
    """Take back a decision, by default the last one; return what it was.

    Raises `UsageError` if there is none, `TransientError` if the home is held.
    """
    with hold_home(config.layout):
        with open_catalog(config.layout) as catalog:
            undone = undo_decision(catalog, decision_id, who)
        publish(config.layout)
    return undone

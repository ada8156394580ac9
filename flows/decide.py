"""Decisions of people on genres: recorded, taken back, and published, in one short transaction."""

from flows.settings import Settings
from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish
from storage.catalog.recordings import UndoneDecision, decide_genre, undo_decision
from storage.lock import hold_home


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


def undo(config: Settings, decision_id: int | None, who: str) -> UndoneDecision:
    """Take back a decision, by default the last one; return what it was.

    Raises `UsageError` if there is none, `TransientError` if the home is held.
    """
    with hold_home(config.layout):
        with open_catalog(config.layout) as catalog:
            undone = undo_decision(catalog, decision_id, who)
        publish(config.layout)
    return undone

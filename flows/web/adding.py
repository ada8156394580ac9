"""Add a dropped song to the library: into the folder of added songs, then ingest."""

from dataclasses import replace
from typing import Any

from flows.settings import Settings
from flows.web.drops import DroppedSong
from storage.catalog.song_page import read_outcome
from storage.lock import hold_home
from storage.sources.added import add_song


def add_to_library(config: Settings, song: DroppedSong, genre: str) -> dict[str, Any]:
    """Copy a song into the home and ingest it; return its outcome, empty without one.

    `TransientError` if another process writes into the home.
    """
    from flows.ingest import ingest  # a page that adds nothing needs no flow

    layout = config.layout
    with hold_home(layout):
        copy = add_song(layout, song.path, song.name, song.track_id, genre)
    ingest(replace(config, music=str(layout.added), unlabelled=False), config)
    return read_outcome(layout, str(copy))


def describe_outcome(row: dict[str, Any], genre: str) -> dict[str, Any]:
    """Return what the page says about an outcome, and the page of the song."""
    if not row:
        return {"sentence": "The song is listed; the next run takes it in."}
    track_id = row["duplicate_of"] or row["track_id"]
    address = f"/songs/{track_id}" if track_id else ""
    if row["outcome"] == "ok":
        sentence = (
            f"The song is in your library now, as {genre}. Tonight's run computes its features and "
            "trains with it; `genreflow extract` and `genreflow train` do it now."
        )
        return {"sentence": sentence, "address": address}
    if row["outcome"] == "duplicate":
        return {"sentence": "Your library has this song already.", "address": address}
    return {"sentence": f"The song was not taken in: {row['message']}", "is_bad": True}

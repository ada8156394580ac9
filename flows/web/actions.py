"""What is done on the page of a song: its label corrected, a dropped one added to the library."""

import shlex
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from flows.decide import decide
from flows.settings import Settings
from flows.web.dropped import require_dropped
from flows.web.drops import DroppedSong
from flows.web.pages import show_page
from flows.web.safety import actor_of
from flows.web.state import State, WebState
from storage.catalog.song_page import (
    StoredSong,
    read_labels_in_use,
    read_outcome,
    read_stored_song,
)
from storage.lock import hold_home
from storage.sources.added import add_song

router = APIRouter(include_in_schema=False)


@router.post("/songs/{track_id}/genre")
def correct_label(
    request: Request, track_id: str, state: State, genre: Annotated[str, Form()] = ""
) -> HTMLResponse:
    """Decide the genre of a song of the library, as `genreflow decide` does."""
    require_stored(state, track_id)
    _require_genre(state, genre)
    who = actor_of(request)
    with state.explaining_refusals():
        n_tracks = state.write(lambda: decide(state.config, track_id, genre, who))
    others = f", and so {'is its copy' if n_tracks == 2 else 'are its copies'}" * (n_tracks > 1)
    content = {
        "sentence": f"The label is {genre} now{others}. The next training learns from it.",
        "command": f"genreflow decide {track_id[:8]} {shlex.quote(genre)}",
        "address": "/review/decisions",
        "link": "Undo it in Review",
    }
    return show_page(request, "_done.html", content)


@router.post("/dropped/{token}/add")
def add_dropped(
    request: Request, token: str, state: State, genre: Annotated[str, Form()] = ""
) -> HTMLResponse:
    """Add a dropped song to the library under a genre, as `genreflow ingest` does."""
    song = require_dropped(state, token)
    _require_genre(state, genre)
    if song.facts is None:
        raise HTTPException(422, "This song cannot be read, so it cannot be added.")
    with state.explaining_refusals():
        row = state.write(lambda: add_to_library(state.config, song, genre))
    content = {"command": "", **describe_outcome(row, genre)}
    return show_page(request, "_done.html", content)


def require_stored(state: WebState, track_id: str) -> StoredSong:
    """Return a song of the library; 404 if there is none of this id."""
    stored = read_stored_song(state.layout, track_id)
    if stored is None:
        raise HTTPException(404, "The library has no such song.")
    return stored


def known_genres(state: WebState) -> list[str]:
    """Return the genres that a song may be given: those of the settings and of the library."""
    config = state.config
    chosen = config.genres or {*read_labels_in_use(state.layout), *config.genre_map.values()}
    return sorted(chosen, key=str.casefold)


def _require_genre(state: WebState, genre: str) -> None:
    if genre not in known_genres(state):
        raise HTTPException(422, "Choose one of the genres of the library.")


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

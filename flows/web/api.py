"""The HTTP API: songs, labels and the champion as JSON; its pages are at /docs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse

from flows.decide import decide, undo
from flows.web.metrics import describe_metrics
from flows.web.pages import show_page
from flows.web.safety import actor_of
from flows.web.state import State
from genre_core.errors import UsageError
from storage.catalog.audits import suspect_rows
from storage.catalog.embeddings import nearest_songs
from storage.catalog.library import LibrarySong, find_song, find_songs
from storage.catalog.review import LoggedDecision, decision_rows
from storage.catalog.status import read_status
from tasks.studies.similar import choose_representation

router = APIRouter(prefix="/api", tags=["genreflow"])
pages = APIRouter(include_in_schema=False)
Row = dict[str, Any]
LARGEST = 2**31 - 1
NO_SONG = "The library has no song of this id. GET /api/songs lists them."


class Decision(BaseModel):
    """A genre for a recording, whatever genre its sources name."""

    song: str = Field(min_length=1, max_length=8192, description="A source, or a track's id.")
    genre: str = Field(min_length=1, max_length=200, examples=["jazz"])


@router.get("/champion")
def get_champion(state: State) -> Row:
    """Return the current model: version, network, genres and scores; 404 before the first."""
    champion = read_status(state.layout)["champion"]
    if champion is None:
        raise HTTPException(404, "There is no champion yet. Run `genreflow train` first.")
    return champion


@router.get("/songs")
def get_songs(
    state: State,
    q: Annotated[str, Query(max_length=200, description="Text in its names or source.")] = "",
    label: Annotated[str, Query(max_length=200, description="The user's genre.")] = "",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    offset: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
) -> list[LibrarySong]:
    """Return songs of the library with label and prediction, in the order of their sources."""
    return find_songs(state.layout, q, label, limit, offset)


@router.get("/songs/{track_id}")
def get_song(track_id: str, state: State) -> LibrarySong:
    """Return one song; the first 8 digits of its id are enough."""
    if song := find_song(state.layout, track_id):
        return song
    raise HTTPException(404, NO_SONG)


@router.get("/songs/{track_id}/similar")
def get_similar(
    track_id: str, state: State, limit: Annotated[int, Query(ge=1, le=100)] = 10
) -> list[Row]:
    """Return the songs that are nearest by the cosine of their mean embeddings."""
    song = get_song(track_id, state)
    chosen = choose_representation(state.layout, "", state.config.representations)
    return nearest_songs(state.layout, chosen, song.track_id, n_songs=limit)


@router.get("/suspects")
def get_suspects(state: State) -> list[Row]:
    """Return the songs whose label looks wrong, the least probable label first."""
    return suspect_rows(state.layout)


@router.get("/decisions")
def get_decisions(
    state: State, limit: Annotated[int, Query(ge=1, le=10_000)] = 100
) -> list[LoggedDecision]:
    """Return what people decided, who, when and whether it was undone; the last one first."""
    return decision_rows(state.layout, limit)


@router.post("/decisions", status_code=201)
def post_decision(decision: Decision, state: State, request: Request) -> Row:
    """Decide the genre of a recording and all its duplicates, as `genreflow decide` does."""
    with state.explaining_refusals(), _answering_refusals():
        n_tracks = state.write(
            lambda: decide(state.config, decision.song, decision.genre, actor_of(request))
        )
    return {**decision.model_dump(), "n_tracks": n_tracks}


@router.delete("/decisions/{decision_id}")
def delete_decision(
    decision_id: Annotated[int, Path(ge=1, le=LARGEST)], state: State, request: Request
) -> Row:
    """Take a decision back, as `genreflow decide --undo` does; it stays in the log."""
    with state.explaining_refusals(), _answering_refusals():
        undone = state.write(lambda: undo(state.config, decision_id, actor_of(request)))
    return {"decision_id": undone.decision_id, "genre": undone.genre}


@contextmanager
def _answering_refusals() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        raise HTTPException(422, str(error)) from error


@pages.get("/healthz")
def get_health() -> PlainTextResponse:
    """Answer that the server runs."""
    return PlainTextResponse("ok\n")


@pages.get("/metrics")
def get_metrics(state: State) -> PlainTextResponse:
    """Return counts and scores in the text form of Prometheus."""
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return PlainTextResponse(describe_metrics(state.layout), media_type=kind)


@pages.get("/docs")
def show_docs(request: Request) -> HTMLResponse:
    """Show the pages of the API."""
    return show_page(request, "docs.html", {"page": ""})

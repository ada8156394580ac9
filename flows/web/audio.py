"""Sound for the players: songs, excerpts of equal loudness, and the peaks of waveforms."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from flows.web.dropped import require_dropped
from flows.web.drops import DroppedSong
from flows.web.state import State, WebState
from genre_core.errors import GenreflowError
from storage.audio.previews import (
    EXCERPT_S,
    LONGEST_S,
    PlayedSong,
    cut_preview,
    read_peaks,
)
from storage.catalog.songs import find_stored_song

router = APIRouter(prefix="/audio", include_in_schema=False)
PLAYABLE = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".m4a": "audio/mp4",
}
"""Formats that browsers play; others are sent as one long excerpt."""
KEPT = {"Cache-Control": "private, max-age=86400, immutable"}
Start = Annotated[float | None, Query(ge=0)]
Length = Annotated[float, Query(gt=0, le=LONGEST_S)]
Sent = TypeVar("Sent", bound=Response)


@router.get("/songs/{track_id}")
async def send_song(track_id: str, state: State) -> FileResponse:
    """Send a song of the library, or the part of it that a browser asks for."""
    song = await find_song(state, track_id)
    return await send_full(state, state.layout.previews, song)


@router.get("/songs/{track_id}/preview")
async def send_preview(
    track_id: str,
    state: State,
    start_s: Start = None,
    length_s: Length = EXCERPT_S,
) -> FileResponse:
    """Send an excerpt of a song of the library; without a start, from its middle."""
    song = await find_song(state, track_id)
    return await send_excerpt(state, state.layout.previews, song, start_s, length_s)


@router.get("/songs/{track_id}/peaks")
async def send_peaks(track_id: str, state: State) -> JSONResponse:
    """Send the peaks of the waveform of a song of the library."""
    song = await find_song(state, track_id)
    return await measure_peaks(state, state.layout.previews, song)


@router.get("/dropped/{token}")
async def send_dropped(token: str, state: State) -> FileResponse:
    """Send a dropped song."""
    song = require_dropped(state, token)
    return _unkept(await send_full(state, song.previews, _require_played(song)))


@router.get("/dropped/{token}/preview")
async def send_dropped_preview(
    token: str,
    state: State,
    start_s: Start = None,
    length_s: Length = EXCERPT_S,
) -> FileResponse:
    """Send an excerpt of a dropped song; without a start, from its middle."""
    song = require_dropped(state, token)
    played = _require_played(song)
    return _unkept(await send_excerpt(state, song.previews, played, start_s, length_s))


@router.get("/dropped/{token}/peaks")
async def send_dropped_peaks(token: str, state: State) -> JSONResponse:
    """Send the peaks of the waveform of a dropped song."""
    song = require_dropped(state, token)
    return _unkept(await measure_peaks(state, song.previews, _require_played(song)))


def _unkept(answer: Sent) -> Sent:
    """Keep a browser from storing what belongs to a dropped song."""
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _require_played(song: DroppedSong) -> PlayedSong:
    if song.played is None:
        raise HTTPException(404, "This song cannot be played.")
    return song.played


async def find_song(state: WebState, track_id: str) -> PlayedSong:
    """Return a song of the library; 404 if there is none of this id."""
    found = await state.answer(
        lambda: find_stored_song(state.layout, track_id) if track_id.isalnum() else None
    )
    if found is None:
        raise HTTPException(404)
    return PlayedSong(name=track_id, path=found[0], facts=found[1])


async def send_full(state: WebState, cache: Path, song: PlayedSong) -> FileResponse:
    """Send the file of a song; as one excerpt if browsers do not play its format."""
    kind = PLAYABLE.get(song.path.suffix.lower())
    if kind is None:
        return await send_excerpt(state, cache, song, 0.0, LONGEST_S)
    return FileResponse(song.path, media_type=kind, headers=KEPT)


async def send_excerpt(
    state: WebState, cache: Path, song: PlayedSong, start_s: float | None, length_s: float
) -> FileResponse:
    """Send an excerpt of a song; 422 with the reason if it cannot be decoded."""
    try:
        path = await state.decode(lambda: cut_preview(cache, song, start_s, length_s))
    except GenreflowError as error:
        raise HTTPException(422, "This part of the song cannot be decoded.") from error
    return FileResponse(path, media_type="audio/mpeg", headers=KEPT)


async def measure_peaks(state: WebState, cache: Path, song: PlayedSong) -> JSONResponse:
    """Send the peaks of the waveform of what `send_full` sends of a song."""
    peaks = await state.measure(lambda: read_peaks(cache, song))
    return JSONResponse(cut_peaks(song, peaks), headers=KEPT)


def cut_peaks(song: PlayedSong, peaks: Sequence[float]) -> Sequence[float]:
    """Return the peaks of the part of a song that browsers get."""
    if song.path.suffix.lower() in PLAYABLE or song.facts.duration_s <= LONGEST_S:
        return peaks
    return peaks[: round(len(peaks) * LONGEST_S / song.facts.duration_s)]

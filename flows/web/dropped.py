"""Songs that are dropped: received, fetched or opened, then predicted one after the other."""

import asyncio
import logging
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flows.web.drops import DROP, MAX_SONGS, REMOVED, DroppedSong
from flows.web.safety import LOOPBACK
from flows.web.state import State, WebState
from genre_core.errors import GenreflowError, UsageError
from genre_core.locations import path_of, show_location
from genre_core.records import Source
from storage.fetch.download import fetch_song, probe_song
from storage.fetch.limits import DownloadLimits
from storage.home import DataLayout
from storage.sources.folder import PassedOver, find_songs
from storage.sources.identity import identify, location_given
from storage.sources.listing import known_music
from tasks.predict import Classifier, study_song
from tasks.serving import FAILED, MAX_NAME, MAX_SONG_BYTES, limit_strangers

router = APIRouter(prefix="/dropped", include_in_schema=False)
NO_MODEL = (
    "There is no model yet that could predict. On this machine, run `genreflow run`, or import a "
    "model: `genreflow import-model FOLDER`."
)
TOO_LARGE = f"The file is larger than {MAX_SONG_BYTES >> 20} MiB, too large to be dropped here."
NOT_OPENED = (
    "There is no song under this path, or this server may not open it for you. Songs of the "
    "library can be named by their path; drop the file itself otherwise."
)
NO_FILE = "There is no file or folder of songs under this path. Check its spelling."
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
logger = logging.getLogger(__name__)


def new_drop() -> str:
    """Return a name for the songs that are dropped together, which nobody can guess."""
    return secrets.token_urlsafe(12)


def require_drop(drop: str) -> str:
    """Return the name of a drop; 404 if it is none."""
    if not DROP.fullmatch(drop):
        raise HTTPException(404)
    return drop


def require_dropped(state: WebState, token: str) -> DroppedSong:
    """Return a dropped song; 404 if it was removed."""
    song = state.drops.find(token)
    if song is None:
        raise HTTPException(404, REMOVED)
    return song


@router.post("/upload")
async def receive(
    request: Request, state: State, drop: str, name: Annotated[str, Query(max_length=MAX_NAME)] = ""
) -> Response:
    """Take the body of the request as a song; it is written to the disk as it comes."""
    n_bytes = int(request.headers.get("content-length") or MAX_SONG_BYTES)
    if n_bytes > MAX_SONG_BYTES:
        raise HTTPException(413, TOO_LARGE)
    song = add_dropped(state, require_drop(drop), name, n_bytes=n_bytes)
    try:
        await _write_body(request, state, song)
        state.drops.settle(song)
    except BaseException:
        state.drops.remove(song)
        raise
    start_study(state, song)
    return JSONResponse({"address": song.address}, 201)


async def _write_body(request: Request, state: WebState, song: DroppedSong) -> None:
    """Write what comes into the file of a song, as long as the song is not removed."""
    n_bytes = 0
    with song.path.open("wb") as file:
        async for chunk in request.stream():
            n_bytes += len(chunk)
            if n_bytes > song.n_bytes:
                raise HTTPException(413, TOO_LARGE)
            require_dropped(state, song.token)
            file.write(chunk)


@router.post("/place")
async def name_places(
    request: Request,
    state: State,
    drop: Annotated[str, Form()],
    place: Annotated[str, Form(max_length=MAX_NAME)] = "",
) -> Response:
    """Take a song at an address, or the songs at a path of this machine."""
    place = place.strip()
    if not place:
        raise HTTPException(422, "Name an address (https://…) or a path first.")
    require_drop(drop)
    if "://" in place:
        songs = [add_dropped(state, drop, show_location(place), place=place)]
    else:
        is_own = is_local(request, state)
        files = await state.answer(lambda: find_files(state, place, is_own))
        first = add_dropped(state, drop, files[0].name, file=files[0])
        songs = [first, *_add_others(state, drop, files[1:])]
    for song in songs:
        start_study(state, song)
    address = songs[0].address if len(songs) == 1 else f"/?drop={drop}"
    return Response(status_code=204, headers={"HX-Redirect": address})


@router.post("/forget")
def forget(state: State, drop: Annotated[str, Form()]) -> Response:
    """Remove the songs of a drop at once."""
    state.drops.forget(require_drop(drop))
    return Response(status_code=204, headers={"HX-Redirect": "/"})


def find_files(state: WebState, place: str, is_own: bool) -> list[Path]:
    """Return the songs at a path, as many as may be dropped (`open_place`)."""
    path = open_place(state, place, is_own)
    songs = find_songs(path, PassedOver(path)) if path.is_dir() else [path]
    files = sorted(islice(songs, MAX_SONGS))
    if not files:
        raise HTTPException(404, NO_FILE)
    return files


def open_place(state: WebState, place: str, is_own: bool) -> Path:
    """Return the file or folder at a path; 403 or 404 where it may not be opened, or is none.

    Unless the user ``is_own``, only the songs of the library may be opened.
    """
    try:
        path = Path(path_of(location_given(place))).expanduser().resolve()
        is_there = path.is_file() or path.is_dir()
    except (OSError, ValueError, RuntimeError):
        raise HTTPException(404 if is_own else 403, NO_FILE if is_own else NOT_OPENED) from None
    if not (is_own or is_in_library(state, path)):
        raise HTTPException(403, NOT_OPENED)
    if not is_there:
        raise HTTPException(404, NO_FILE)
    return path


def is_local(request: Request, state: WebState) -> bool:
    """Whether a request comes from a user of this machine, and the server is only for them."""
    client = request.client.host if request.client else ""
    is_forwarded = any(name in request.headers for name in FORWARDED)
    return not state.secret and client in LOOPBACK and not is_forwarded


def is_in_library(state: WebState, path: Path) -> bool:
    """Whether a path lies in a folder of music that the home was fed from."""
    folders = [Path(path_of(name)) for name in known_music(state.layout)]
    return any(path.is_relative_to(folder.resolve()) for folder in folders if folder.is_dir())


def add_dropped(
    state: WebState,
    drop: str,
    name: str,
    file: Path | None = None,
    place: str = "",
    n_bytes: int = 0,
) -> DroppedSong:
    """Make room for a song (`Drops.add`); 429 if there is none."""
    try:
        return state.drops.add(drop, name, file, place, n_bytes)
    except UsageError as error:
        raise HTTPException(429, str(error)) from error


def _add_others(state: WebState, drop: str, files: Sequence[Path]) -> Iterator[DroppedSong]:
    """Add further songs of a folder, as long as there is room."""
    with suppress(HTTPException):
        for file in files:
            yield add_dropped(state, drop, file.name, file=file)


def start_study(state: WebState, song: DroppedSong) -> None:
    """Predict a song in the background."""
    task = asyncio.create_task(_study(state, song))
    state.running.add(task)
    task.add_done_callback(state.running.discard)


async def _study(state: WebState, song: DroppedSong) -> None:
    """Predict a song, or note why not; other songs go on."""
    try:
        await _predict(state, song)
    except GenreflowError as error:
        song.fail(str(error))
    except Exception:
        logger.exception("a dropped song cannot be predicted")
        song.fail(FAILED)
    finally:
        if state.drops.find(song.token) is None:  # it was forgotten meanwhile
            state.drops.remove(song)
        song.probed.set()
        song.done.set()


async def _predict(state: WebState, song: DroppedSong) -> None:
    """Fetch a song if it is at an address, then decode and predict it."""
    limits = limit_strangers(state.config.limits)
    limits = replace(limits, max_bytes=min(limits.max_bytes, MAX_SONG_BYTES))
    if song.place:
        await state.work(lambda: _fetch(state, song, limits), waits=True)
    else:
        await state.work(lambda: _probe(song, limits))
    song.probed.set()
    studied = await state.work(lambda: study_song(_load(state), str(song.path), limits))
    if studied.prediction.error:
        song.fail(studied.prediction.error)
    else:
        song.studied = studied


def _load(state: WebState) -> Classifier:
    try:
        return state.classifier()
    except UsageError as error:
        raise UsageError(NO_MODEL) from error


def _probe(song: DroppedSong, limits: DownloadLimits) -> None:
    """Read the facts of a file; one of ours gets the suffix of its format, which decoders need."""
    song.track_id, song.facts, suffix = probe_song(song.path, DataLayout(song.folder), limits)
    if song.is_ours:
        song.path = song.path.rename(song.path.with_suffix(suffix))


def _fetch(state: WebState, song: DroppedSong, limits: DownloadLimits) -> None:
    """Fetch the song at an address; it takes room from the time on when it is fetched."""
    state.drops.reserve(song, limits.max_bytes)
    layout = DataLayout(song.folder)
    try:
        track = fetch_song(identify(Source(location=song.place, genre="")), layout, limits)
        song.track_id, song.facts = track.track_id, track
        song.path = layout.song(track.track_id, track.suffix)
    finally:
        state.drops.settle(song)  # what was fetched for a song that was removed goes, too

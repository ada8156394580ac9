"""POST /api/classify: predictions of files that are sent, of addresses, and of paths."""

import shutil
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from flows.web.dropped import add_dropped, is_local, new_drop, open_place, start_study
from flows.web.drops import DroppedSong
from flows.web.state import State, WebState
from genre_core.locations import show_location
from storage.models.requests import MAX_ROWS
from tasks.predict import SongPrediction
from tasks.serving import MAX_SONG_BYTES

router = APIRouter(prefix="/api", tags=["genreflow"])
Row = dict[str, Any]
GivenSong = DroppedSong | SongPrediction
"""A song that is waited for, or why there is none."""
FORM, JSON = "multipart/form-data", "application/json"
GIVE_SONGS = f"Send songs as files of a form ({FORM}), or as `songs`, paths or addresses ({JSON})."
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                }
            },
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["songs"],
                    "properties": {"songs": {"type": "array", "items": {"type": "string"}}},
                    "example": {"songs": ["https://example.org/song.mp3"]},
                }
            },
        },
    }
}


class NamedSongs(BaseModel):
    """Songs by their paths or addresses."""

    songs: list[Annotated[str, Field(min_length=1, max_length=8192)]] = Field(
        min_length=1, max_length=MAX_ROWS
    )


@router.post("/classify", openapi_extra=BODY)
async def post_songs(request: Request, state: State) -> list[Row]:
    """Return the prediction of each song, in the order given; one with an error harms no other.

    Files come as a form with any names of fields; paths are opened for users of this machine, and
    where they lie in the library. Nothing is kept.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (FORM, JSON):
        raise HTTPException(415, GIVE_SONGS)
    if not request.headers.get("content-length", "").isdecimal():
        raise HTTPException(411, "Send the length of the request (Content-Length).")
    drop = new_drop()
    try:
        songs = await (_take_files if kind == FORM else _take_names)(request, state, drop)
        for song in songs:
            if isinstance(song, DroppedSong):
                start_study(state, song)
        return [await _answer(song) for song in songs]
    finally:
        state.drops.forget(drop)


async def _take_files(request: Request, state: WebState, drop: str) -> list[GivenSong]:
    """Keep the files of a form until they are predicted."""
    limits = {"max_files": MAX_ROWS, "max_fields": MAX_ROWS}
    async with state.forms, request.form(**limits) as form:
        files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        if not files:
            raise HTTPException(422, f"The request has no song. {GIVE_SONGS}")
        return [await _take_file(state, drop, file) for file in files]


async def _take_file(state: WebState, drop: str, file: UploadFile) -> GivenSong:
    name = file.filename or "a song"
    if (file.size or 0) > MAX_SONG_BYTES:
        return _fail(name, f"The file is larger than {MAX_SONG_BYTES >> 20} MiB.")
    song = add_dropped(state, drop, name, n_bytes=file.size or 0)
    with song.path.open("wb") as kept:
        await state.answer(lambda: shutil.copyfileobj(file.file, kept))
    return song


async def _take_names(request: Request, state: WebState, drop: str) -> list[GivenSong]:
    try:
        named = NamedSongs.model_validate_json(await request.body())
    except ValidationError as error:
        cause = error.errors(include_url=False)[0]["msg"]
        raise HTTPException(422, f"{GIVE_SONGS} {cause}.") from error
    is_own = is_local(request, state)
    return [await _open(state, drop, place, is_own) for place in named.songs]


async def _open(state: WebState, drop: str, place: str, is_own: bool) -> GivenSong:
    """Return the song at a path or address, or why it may not be opened."""
    if "://" in place:
        return add_dropped(state, drop, show_location(place), place=place)
    try:
        path = await state.answer(lambda: open_place(state, place, is_own))
    except HTTPException as refusal:
        return _fail(place, refusal.detail)
    if path.is_dir():
        return _fail(place, "This is a folder. Name its songs.")
    return add_dropped(state, drop, place, file=path)


def _fail(song: str, sentence: str) -> SongPrediction:
    return SongPrediction(song=song, error=sentence)


async def _answer(song: GivenSong) -> Row:
    """Wait for the prediction of a song, and return it as `genreflow classify --json` does."""
    if isinstance(song, SongPrediction):
        return song.as_document()
    await song.done.wait()
    found = song.prediction or _fail(song.name, song.error)
    return replace(found, song=song.name).as_document()

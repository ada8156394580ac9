"""The application: the pages, the HTTP API, and how faults are answered."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from flows.settings import Settings
from flows.web import (
    actions,
    api,
    audio,
    classify_api,
    dropped,
    left_out,
    listen,
    models,
    nights,
    review,
    song_map,
    songs,
)
from flows.web.pages import FOLDER, show_page
from flows.web.safety import LOOPBACK, Guard
from flows.web.state import WebState, state_of
from genre_core.errors import GenreflowError, UsageError
from storage.files import DISK_ERRORS

FAILED = "The server failed on this request; its log has the cause."
SWEEP_S = 60.0
logger = logging.getLogger(__name__)


def make_app(config: Settings, hosts: tuple[str, ...] = LOOPBACK, secret: str = "") -> Guard:
    """Return the application for a home; ``hosts`` are the names that it answers to."""
    app = FastAPI(title="genreflow", docs_url=None, redoc_url=None, lifespan=_close_at_end)
    app.state.web = WebState(config=config, secret=secret)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), "static")
    pages = (listen, dropped, audio, songs, actions, review, left_out, song_map, models, nights)
    for page in (*pages, api, classify_api):
        app.include_router(page.router)
    app.include_router(api.pages)
    app.add_exception_handler(HTTPException, _answer_refusal)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(GenreflowError, _answer_error)
    app.add_exception_handler(OSError, _answer_disk)
    app.add_exception_handler(Exception, _answer_failure)
    return Guard(app, hosts, secret)  # outermost: answers to failures need its headers, too


@asynccontextmanager
async def _close_at_end(app: FastAPI) -> AsyncIterator[None]:
    sweeping = asyncio.create_task(_sweep(app.state.web))
    yield
    sweeping.cancel()
    app.state.web.close()


async def _sweep(state: WebState) -> None:
    """Remove dropped songs when their time is over."""
    while True:
        await asyncio.sleep(SWEEP_S)
        await asyncio.to_thread(state.drops.sweep)


def answer(request: Request, status: int, sentence: str) -> Response:
    """Answer with a sentence: JSON for the API, a message in place for htmx, else a page."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": sentence}, status)
    template = "_message.html" if "hx-request" in request.headers else "message.html"
    return show_page(request, template, {"sentence": sentence, "status": status}, status)


async def _answer_refusal(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    is_plain = error.detail == HTTPStatus(error.status_code).phrase
    sentence = "There is no such page here." if is_plain and error.status_code == 404 else ""
    return answer(request, error.status_code, sentence or error.detail)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    """Name the first value that does not fit; the value itself may be no text."""
    if not isinstance(error, RequestValidationError):
        raise error
    fault = error.errors()[0]
    names = ".".join(str(part) for part in fault["loc"][1:]) or "the request"
    return answer(request, 422, f"{names}: {fault['msg']}.")


async def _answer_error(request: Request, error: Exception) -> Response:
    sentence = state_of(request).describe(error)
    return answer(request, 400 if isinstance(error, UsageError) else 503, sentence)


async def _answer_disk(request: Request, error: Exception) -> Response:
    """Say that a disk is full or read-only; other errors of the system are failures."""
    if not isinstance(error, OSError) or error.errno not in DISK_ERRORS:
        return await _answer_failure(request, error)
    logger.error("%s %s: %s", request.method, request.url.path, error)
    sentence = f"A disk of the server {DISK_ERRORS[error.errno]}, then try again."
    return answer(request, 507, sentence)


async def _answer_failure(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(request, 500, FAILED)

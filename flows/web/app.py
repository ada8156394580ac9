"""The application: the pages, the HTTP API, and how faults are answered."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from flows.settings import Settings
from flows.web import audio, listen
from flows.web.pages import FOLDER, show_page
from flows.web.safety import LOOPBACK, Guard
from flows.web.state import WebState
from genre_core.errors import GenreflowError, UsageError

FAILED = "The server failed on this request; its log has the cause."
logger = logging.getLogger(__name__)


def make_app(config: Settings, hosts: tuple[str, ...] = LOOPBACK, secret: str = "") -> FastAPI:
    """Return the application for a home; ``hosts`` are the names that it answers to."""
    app = FastAPI(title="genreflow", docs_url=None, redoc_url=None, lifespan=_close_at_end)
    app.state.web = WebState(config=config, secret=secret)
    app.mount("/static", StaticFiles(directory=FOLDER / "static"), "static")
    for page in (listen, audio):
        app.include_router(page.router)
    app.add_exception_handler(HTTPException, _answer_refusal)
    app.add_exception_handler(GenreflowError, _answer_error)
    app.add_exception_handler(Exception, _answer_failure)
    app.add_middleware(Guard, hosts=hosts, secret=secret)
    return app


@asynccontextmanager
async def _close_at_end(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.web.close()


def answer(request: Request, status: int, sentence: str) -> Response:
    """Answer with a sentence: JSON for the API, a message in place for htmx, else a page."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": sentence}, status)
    template = "_message.html" if "hx-request" in request.headers else "message.html"
    return show_page(request, template, {"sentence": sentence, "status": status}, status)


async def _answer_refusal(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    sentences = {404: "There is no such page here."}
    return answer(request, error.status_code, sentences.get(error.status_code, error.detail))


async def _answer_error(request: Request, error: Exception) -> Response:
    return answer(request, 400 if isinstance(error, UsageError) else 503, str(error))


async def _answer_failure(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer(request, 500, FAILED)

"""Remedies for songs that were left out: write a setting, try songs again in the background."""

import logging
from dataclasses import replace
from threading import Thread
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from flows.remedies import Remedy, find_remedy
from flows.settings import Settings
from flows.settings_file import plan_change, with_settings, write_change
from flows.web.pages import show_page
from flows.web.review import Desk, show_desk
from flows.web.state import BUSY, Retry, WebState, state_of
from genre_core.errors import GenreflowError, TransientError, UsageError
from genre_core.records import counted
from storage.catalog.review import read_left_out
from storage.lock import hold_home

router = APIRouter(include_in_schema=False)
State = Annotated[WebState, Depends(state_of)]
FAILED = "Trying again failed; the log of the server has the cause."
STALE = "This remedy is not offered any more; the list below is up to date."
logger = logging.getLogger(__name__)


@router.post("/review/remedy")
def apply_remedy(request: Request, state: State, key: Annotated[str, Form()]) -> Response:
    """Write the settings of a remedy, then try its songs again, as `genreflow retry` does."""
    try:
        _start(state, key)
        desk = Desk(queue="left-out")
    except TransientError:
        desk = Desk(queue="left-out", sentence=BUSY, is_bad=True, status=409)
    except UsageError as error:
        desk = Desk(queue="left-out", sentence=str(error), is_bad=True, status=422)
    return show_desk(request, state, desk)


@router.get("/review/left-out/retry")
def show_retry(request: Request, state: State) -> Response:
    """Show how trying again goes on; once it has ended, the songs that are still left out."""
    if state.retry is not None and state.retry.runs:
        return show_page(request, "_retry.html", {"job": state.retry})
    answer = show_desk(request, state, Desk(queue="left-out"))
    answer.headers.update({"HX-Retarget": "#desk", "HX-Reswap": "outerHTML"})
    return answer


def _start(state: WebState, key: str) -> None:
    """Write settings and start; raises before anything changed if it cannot be done."""
    if state.retry is not None and state.retry.runs:
        raise TransientError(BUSY)
    remedy = find_remedy(state.config, read_left_out(state.layout), key)
    if remedy is None:
        raise UsageError(STALE)
    config = with_settings(state.config, remedy.values)
    config.libraries()  # refuses a home that knows no music
    with hold_home(state.layout):
        if remedy.values:
            write_change(plan_change(remedy.values))
    state.config = config
    state.retry = Retry(sentence="Trying songs again…", command=remedy.command)
    Thread(target=_retry, args=(state, config, remedy), daemon=True).start()


def _retry(state: WebState, config: Settings, remedy: Remedy) -> None:
    running = Retry(sentence="", command=remedy.command, runs=False)
    try:
        state.retry = replace(running, sentence=_try_songs(config, remedy))
    except GenreflowError as error:
        sentence = str(error).replace(str(config.layout.home), "the home")
        state.retry = replace(running, sentence=sentence, is_bad=True)
    except Exception:
        logger.exception("trying songs again failed")
        state.retry = replace(running, sentence=FAILED, is_bad=True)


def _try_songs(config: Settings, remedy: Remedy) -> str:
    """Try songs again; return how many came back."""
    from flows.maintenance import retry  # a page that retries nothing needs no flow

    before = {one.source for one in read_left_out(config.layout) if one.reason == remedy.reason}
    retry(config, str(remedy.reason))
    n_back = len(before - {one.source for one in read_left_out(config.layout)})
    tried = f"Tried {counted(len(before), 'song')} again"
    return (
        f"{tried}: {n_back or 'none'} came back."
        if len(before) > 1
        else (f"{tried}: it {'came back' if n_back else 'is still left out'}.")
    )

"""Remedies for songs that were left out: write a setting, start `genreflow retry`."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from flows.remedies import RETRY, find_remedy
from flows.settings_file import plan_change, with_settings, write_change
from flows.web.commands import require_startable
from flows.web.pages import show_page
from flows.web.review import Desk, show_desk
from flows.web.state import BUSY, State, WebState
from genre_core.errors import TransientError, UsageError
from storage.catalog.review import read_left_out
from storage.lock import hold_home

router = APIRouter(include_in_schema=False)
STALE = "This remedy is not offered any more; the list below is up to date."


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
    if is_retrying(state):
        return show_page(request, "_retry.html", {"command": state.commands.last[RETRY]})
    answer = show_desk(request, state, Desk(queue="left-out"))
    answer.headers.update({"HX-Retarget": "#desk", "HX-Reswap": "outerHTML"})
    return answer


def _start(state: WebState, key: str) -> None:
    """Write settings and start; raises before anything changed if it cannot be done."""
    if is_retrying(state):
        raise TransientError(BUSY)
    remedy = find_remedy(state.config, read_left_out(state.layout), key)
    if remedy is None:
        raise UsageError(STALE)
    require_startable(RETRY)
    config = with_settings(state.config, remedy.values)
    config.libraries()  # refuses a home that knows no music
    with hold_home(state.layout):
        if remedy.values:
            write_change(plan_change(remedy.values))
    state.config = config
    state.commands.start(state.layout, remedy.words)


def is_retrying(state: WebState) -> bool:
    """Whether songs are being tried again."""
    command = state.commands.last.get(RETRY)
    return command is not None and command.is_running

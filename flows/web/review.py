"""Review: label conflicts, suspects, songs left out, and the log of decisions with its undo."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flows.decide import decide, prepare, undo
from flows.remedies import RETRY, group_left_out
from flows.web.actions import known_genres
from flows.web.pages import PAGES, library_styles, read_header, show_page
from flows.web.safety import actor_of
from flows.web.state import BUSY, State, WebState
from genre_core.errors import TransientError, UsageError
from genre_core.records import counted
from storage.catalog.audits import suspect_rows
from storage.catalog.review import (
    Conflict,
    LoggedDecision,
    decision_rows,
    name_tracks,
    read_conflicts,
    read_left_out,
)

router = APIRouter(include_in_schema=False)
Queue = Literal["conflicts", "suspects", "left-out", "decisions"]
TITLES: dict[Queue, str] = {
    "conflicts": "Label conflicts",
    "suspects": "Suspects",
    "left-out": "Songs left out",
    "decisions": "Decisions",
}
N_KEYS = 9
"""Genres that have a key of their own."""
SHOWN_DIGITS = 12
MOST_LOGGED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A genre that a song can be given; ``roles`` say who names it, ``key`` chooses it."""

    genre: str
    key: str
    roles: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a part of the page shows beside the queue: a sentence on what was just done."""

    queue: Queue
    item: str = ""
    sentence: str = ""
    is_bad: bool = False
    status: int = 200
    more: dict[str, Any] = field(default_factory=dict)


@router.get("/review")
def show_first(request: Request, state: State) -> Response:
    """Show the first queue in which something waits."""
    header = read_header(state.layout)
    waits: Queue = "suspects" if header.n_suspects and not header.n_conflicts else "conflicts"
    if not header.n_waiting and state.layout.published.exists() and read_left_out(state.layout):
        waits = "left-out"
    return show_desk(request, state, Desk(queue=waits))


@router.get("/review/{queue}")
def show_queue(request: Request, state: State, queue: Queue, item: str = "") -> Response:
    """Show a queue at an item, by default the first."""
    return show_desk(request, state, Desk(queue=queue, item=item))


@router.post("/review/decide")
def decide_item(
    request: Request,
    state: State,
    song: Annotated[str, Form()],
    genre: Annotated[str, Form()],
    queue: Annotated[Queue, Form()],
    name: Annotated[str, Form()] = "",
    following: Annotated[str, Form()] = "",
) -> Response:
    """Decide the genre of a song, and show the item that follows it."""

    def act() -> Desk:
        n_others = decide(state.config, song, genre, actor_of(request)) - 1
        copies = f", and so {counted(n_others, 'copy is', 'copies are')}" if n_others else ""
        return Desk(queue=queue, item=following, sentence=f"{name} is {genre} now{copies}.")

    return _answer(request, state, Desk(queue=queue, item=song), act)


@router.post("/review/undo")
def undo_item(
    request: Request,
    state: State,
    queue: Annotated[Queue, Form()],
    decision_id: Annotated[int | None, Form()] = None,
) -> Response:
    """Take a decision back, and show the item that it was about if it waits again."""

    def act() -> Desk:
        undone = undo(state.config, decision_id, actor_of(request))
        sentence = f"Undid “{undone.genre}”: the song has the label that it had before."
        if queue == "decisions":
            return Desk(queue=queue, sentence=sentence)
        waiting, item = _find_waiting(state, undone.track_ids)
        return Desk(queue=waiting or queue, item=item, sentence=sentence)

    return _answer(request, state, Desk(queue=queue), act)


def _answer(request: Request, state: WebState, at: Desk, act: Callable[[], Desk]) -> Response:
    """Do something and show what comes of it; a refusal leaves the page at its item."""
    try:
        desk = state.write(act)
    except TransientError:
        desk = Desk(queue=at.queue, item=at.item, sentence=BUSY, is_bad=True, status=409)
    except UsageError as error:
        desk = Desk(queue=at.queue, item=at.item, sentence=str(error), is_bad=True, status=422)
    return show_desk(request, state, desk)


def show_desk(request: Request, state: WebState, desk: Desk) -> Response:
    """Show the page at a queue; for htmx the part that changes, with the count in the header."""
    if request.method == "GET":
        state.workers.submit(prepare)
    is_part = "hx-request" in request.headers and not _restores(request)
    if request.method == "POST" and not is_part and not desk.is_bad:
        return RedirectResponse(_address(desk), 303)
    content = {"page": "review", "is_part": is_part, "desk": desk, **_content(state, desk)}
    if is_part:
        content |= {"pages": PAGES, "header": read_header(state.layout)}
    template = "_desk.html" if is_part else "review.html"
    answer = show_page(request, template, content, desk.status)
    if request.method == "POST" and is_part:
        answer.headers["HX-Push-Url"] = _address(desk)
    return answer


def _restores(request: Request) -> bool:
    """Whether htmx asks for a page that the browser goes back to."""
    return request.headers.get("hx-history-restore-request") == "true"


def _address(desk: Desk) -> str:
    return f"/review/{desk.queue}" + (f"?item={desk.item}" if desk.item.isalnum() else "")


def _content(state: WebState, desk: Desk) -> dict[str, Any]:
    """Return what the templates show of a home; one without a store has nothing."""
    if not state.layout.published.exists():
        return {"titles": TITLES, "counts": {}, "has_store": False, "last": None}
    conflicts, suspects = read_conflicts(state.layout), suspect_rows(state.layout)
    left_out, log = read_left_out(state.layout), decision_rows(state.layout, MOST_LOGGED)
    content: dict[str, Any] = {
        "titles": TITLES,
        "counts": {
            "conflicts": len(conflicts),
            "suspects": len(suspects),
            "left-out": len(left_out),
        },
        "has_store": True,
        "last": next((one for one in log if one.undone_at is None), None),
        "log": log,
        "command_of": command_of,
        "command": state.commands.last.get(RETRY),
        "more": desk.more,
    }
    if desk.queue == "left-out":
        return {**content, "groups": group_left_out(state.config, left_out)}
    if desk.queue == "decisions":
        return content
    items = conflicts if desk.queue == "conflicts" else suspects
    return {**content, **_item(state, desk, items)}


def _item(state: WebState, desk: Desk, items: Sequence[Any]) -> dict[str, Any]:
    """Return an item of a queue, the one that follows it, and the genres to choose among."""
    if not items:
        return {"item": None}
    names = [one.recording if isinstance(one, Conflict) else one["track_id"] for one in items]
    place = names.index(desk.item) if desk.item in names else 0
    item = items[place]
    roles = _roles_of_copies(item) if isinstance(item, Conflict) else _roles_of_suspect(item)
    choices = offer(known_genres(state), roles)
    near = [] if isinstance(item, Conflict) else [one["track_id"] for one in item["neighbours"]]
    wanted = [*near, *names[place : place + 1]]
    neighbours = [one["genre"] for one in item["neighbours"]] if near else []
    return {
        "item": item,
        "item_id": names[place],
        "place": place + 1,
        "following": names[(place + 1) % len(names)] if len(names) > 1 else "",
        "choices": choices,
        "facts": name_tracks(state.layout, wanted),
        "styles": library_styles(state, [*(choice.genre for choice in choices), *neighbours]),
    }


def _roles_of_copies(conflict: Conflict) -> dict[str, str]:
    n_copies = {genre: sum(c.genre == genre for c in conflict.copies) for genre in conflict.genres}
    return {genre: counted(n, "copy", "copies") for genre, n in n_copies.items()}


def _roles_of_suspect(suspect: dict[str, Any]) -> dict[str, str]:
    return {suspect["genre"]: "your label", suspect["predicted"]: "the model"}


def offer(genres: Sequence[str], roles: dict[str, str]) -> list[Choice]:
    """Return the genres to choose among, with keys for the first nine.

    As long as each has a key they stay in alphabetical order, so that a key always means the same;
    of more, those that somebody names come first.
    """
    every = sorted({*genres, *roles}, key=str.casefold)
    if len(every) > N_KEYS:
        every.sort(key=lambda genre: genre not in roles)
    return [
        Choice(genre=genre, key=str(n) if n <= N_KEYS else "", roles=roles.get(genre, ""))
        for n, genre in enumerate(every, start=1)
    ]


def _find_waiting(state: WebState, track_ids: Sequence[str]) -> tuple[Queue | None, str]:
    """Return the queue and the item in which one of these tracks waits."""
    for conflict in read_conflicts(state.layout):
        if not {copy.track_id for copy in conflict.copies}.isdisjoint(track_ids):
            return "conflicts", conflict.recording
    for suspect in suspect_rows(state.layout):
        if suspect["track_id"] in track_ids:
            return "suspects", suspect["track_id"]
    return None, ""


def command_of(decision: LoggedDecision) -> str:
    """Return the command that decides the same."""
    track_id = decision.track_ids[0][:SHOWN_DIGITS]
    return f"genreflow decide {track_id} {shlex.quote(decision.genre)}"

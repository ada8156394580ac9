"""Models: runs on one axis, what a run confuses, how sure it is, the audit, promotions."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from flows.prefect_server import MLFLOW, find_home_server
from flows.web.model_charts import bin_confidence, count_confusion, show_runs
from flows.web.pages import show_markdown, show_page
from flows.web.state import State, WebState
from genre_core.audit.rules import CheckName, Level
from genre_core.errors import GenreflowError
from genre_core.locations import mask_location
from genre_core.records import counted
from storage.catalog.query import keep_open
from storage.catalog.snapshots import choose_published
from storage.catalog.status import compared_rows, read_status
from storage.catalog.versions import (
    EvaluatedSong,
    Version,
    read_published_audit,
    read_tested_songs,
    read_versions,
)
from storage.home import DataLayout
from storage.lock import hold_home
from storage.models.champion import card_file, read_card

router = APIRouter(include_in_schema=False)
Name = Annotated[str, Query(max_length=200)]

MOST_SONGS = 50
SYMBOLS = {Level.PASS: "✓", Level.INCONCLUSIVE: "?", Level.WARN: "!", Level.FAIL: "✕"}
QUESTIONS = {
    CheckName.OVERLAP: "Are the songs that score it apart from those that trained it?",
    CheckName.BY_SONG: "Does it score by chance where the labels are random?",
    CheckName.BY_FRAGMENT: "Would the audit notice a leak?",
    CheckName.SHORTCUTS: "Does the file, not the music, reveal the genre?",
    CheckName.METADATA: "Do artist, album and year reveal the genre?",
    CheckName.LEAVE_ONE_SOURCE_OUT: "Does it work on music of sources that it has not seen?",
    CheckName.PRETRAINING: "Had the embedding seen these songs before?",
}
"""What each check of the audit asks."""


@router.get("/models")
def show_models(
    request: Request,
    state: State,
    run: Name = "",
    label: Name = "",
    predicted: Name = "",
    changed: bool = False,
) -> HTMLResponse:
    """Show the models of the library; ``run`` is the one whose predictions are shown."""
    content: dict[str, Any] = {"page": "models", "runs": {}, "library": None, "versions": []}
    if state.layout.published.exists():
        with keep_open(state.layout):
            content |= _describe_models(state, run)
        content |= _select_songs(content["songs"], label, predicted)
    content["cards"] = [
        one.version for one in content["versions"] if card_file(state.layout, one.version).exists()
    ]
    content["is_imported"] = state.has_model and not content["versions"]
    content["command"] = state.commands.last.get("promote")
    content["is_changed"] = changed
    return show_page(request, "models.html", content)


@router.get("/models/runs")
def show_axis(request: Request, state: State) -> HTMLResponse:
    """Show the runs on one axis; they take seconds to compare where test songs are many."""
    library = choose_published(state.layout, state.config.snapshot_choice())
    content: dict[str, Any] = {"runs": None, "sentence": "No run has finished yet."}
    try:
        content["runs"] = show_runs(state.layout, library.library_id) if library else None
    except GenreflowError as error:
        content["sentence"] = str(error)
    return show_page(request, "_runs.html", content)


@router.get("/models/card")
def show_card(
    request: Request, state: State, version: Annotated[int, Query(ge=0)] = 0
) -> HTMLResponse:
    """Show the card of a version that became champion; without one, that of the model in use."""
    try:
        text = read_card(state.layout, version)
    except FileNotFoundError as error:
        raise HTTPException(404, "There is no card of this model in this home.") from error
    return show_page(request, "model_card.html", {"page": "models", "card": show_markdown(text)})


@router.get("/models/songs")
def show_songs(request: Request, state: State, run: Name, label: Name, predicted: Name) -> Response:
    """Show the test songs of one cell of the confusion matrix."""
    songs = read_tested_songs(state.layout, run)
    content = {"run": run, **_select_songs(songs, label, predicted)}
    return show_page(request, "_cell_songs.html", content)


@router.post("/models/promote")
def promote(
    request: Request,
    state: State,
    version: Annotated[int, Form(ge=1)],
    despite_audit: Annotated[bool, Form()] = False,
) -> Response:
    """Promote a version as `genreflow promote --version` does, in a process of its own."""
    overruling = ("--despite-audit",) if despite_audit else ()
    return _change(request, state, ("promote", "--version", str(version), *overruling))


@router.post("/models/rollback")
def roll_back(request: Request, state: State) -> Response:
    """Bring the previous champion back as `genreflow promote --rollback` does."""
    return _change(request, state, ("promote", "--rollback"))


@router.get("/models/change")
def follow_change(state: State) -> Response:
    """Answer nothing while the champion is being changed, then lead to the page with the result."""
    command = state.commands.last.get("promote")
    if command and command.is_running:
        return Response(status_code=204)
    return Response(headers={"HX-Redirect": "/models?changed=true"})


def _change(request: Request, state: WebState, words: tuple[str, ...]) -> Response:
    """Start a change of the champion; 409 with a sentence if something writes into the home."""
    with state.explaining_refusals(), hold_home(state.layout):
        command = state.commands.start(state.layout, words)
    if "hx-request" not in request.headers:
        return RedirectResponse("/models?changed=true", 303)
    return show_page(request, "_change.html", {"command": command})


def _describe_models(state: WebState, run: str) -> dict[str, Any]:
    """Return what the page shows of the models of a home."""
    layout = state.layout
    library = choose_published(layout, state.config.snapshot_choice())
    rows = compared_rows(layout, library.library_id) if library else []
    versions = read_versions(layout)
    runs = {row["run_id"]: _title(row) for row in rows}
    runs |= {one.run_id: one.title for one in reversed(versions)}
    chosen = _choose_run(runs, versions, run)
    songs = read_tested_songs(layout, chosen) if chosen else []
    known = [song for song in songs if song.confidence is not None]
    return {
        "library": library,
        "has_runs": bool(rows),
        "runs": runs,
        "run": chosen,
        "versions": versions,
        "champion": next((one for one in versions if one.is_champion), None),
        "previous": next((one for one in versions if one.is_previous), None),
        "provisional": (read_status(layout)["champion"] or {}).get("provisional"),
        "songs": songs,
        "n_right": sum(song.is_right for song in songs),
        "confusion": count_confusion(songs),
        "bins": bin_confidence(songs),
        "mean_confidence": sum(song.confidence or 0 for song in known) / max(1, len(known)),
        "audit": read_published_audit(layout, library.library_id) if library else None,
        "symbols": SYMBOLS,
        "questions": QUESTIONS,
        "mlflow": find_mlflow(layout),
    }


def find_mlflow(layout: DataLayout) -> str:
    """Return the address of the MLflow UI of a home; empty if none runs."""
    return mask_location(layout.tracking_server) or find_home_server(layout, MLFLOW)


def _choose_run(runs: Mapping[str, str], versions: list[Version], wanted: str) -> str:
    """Return the run that was asked for, else the champion's, else the best; 404 if unknown."""
    if wanted and wanted not in runs:
        raise HTTPException(404, "There is no such run in this home.")
    champion = next((one.run_id for one in versions if one.is_champion), "")
    return wanted or champion or next(iter(runs), "")


def _title(row: Mapping[str, Any]) -> str:
    made_of = f"{row['network']}, {row['representation']}, {row['fragment_s']:g} s"
    return f"{made_of}, seed {row['seed']}"


def _select_songs(songs: list[EvaluatedSong], label: str, predicted: str) -> dict[str, Any]:
    """Return the songs of a cell, and a sentence on them; None where no cell was chosen."""
    if not (label and predicted):
        return {"cell": None, "cell_sentence": ""}
    found = [song for song in songs if (song.label, song.predicted) == (label, predicted)]
    named = counted(len(found), "test song")
    ending = f", the surest {MOST_SONGS} are shown" if len(found) > MOST_SONGS else ""
    sentence = f"{named} labelled {label}, predicted {predicted}{ending}"
    return {"cell": found[:MOST_SONGS], "cell_sentence": sentence}

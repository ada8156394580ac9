"""Listen: drop songs, see their genres and how often such predictions are right."""

import csv
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any, Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from flows.web.dropped import is_local, new_drop, require_drop
from flows.web.drops import KEPT_S, MAX_SONGS, DroppedSong
from flows.web.pages import library_styles, show_page
from flows.web.shown_predictions import ShownPrediction, describe_prediction
from flows.web.state import State, WebState
from genre_core.locations import quote_formula
from genre_core.records import counted
from tasks.serving import MAX_SONG_BYTES

router = APIRouter(include_in_schema=False)
Column = Literal["name", "genre", "confidence", "precision", "length"]
COLUMNS: dict[Column, str] = {
    "name": "Song",
    "genre": "Genre",
    "confidence": "Confidence",
    "precision": "Right in",
    "length": "Length",
}
CSV_COLUMNS = (
    *("song", "file", "genre", "confidence", "right_of_10", "alternatives", "unknown"),
    *("length_s", "error"),
)
Row = tuple[DroppedSong, ShownPrediction | None]


@router.get("/")
def listen(request: Request, state: State, drop: str = "") -> HTMLResponse:
    """Show the page with the drop zone, and the songs of a drop if there are some."""
    if state.has_model:
        state.workers.submit(state.classifier)  # so that the first song need not wait for it
    content = {
        "page": "listen",
        "has_model": state.has_model,
        "is_local": is_local(request, state),
        "most_mib": MAX_SONG_BYTES >> 20,
        "most_songs": MAX_SONGS,
        "kept_min": round(KEPT_S / 60),
        **_fill_table(state, require_drop(drop) if drop else new_drop(), None, False),
    }
    return show_page(request, "listen.html", content)


@router.get("/dropped")
def show_table(
    request: Request, state: State, drop: str, sort: Column | None = None, down: bool = False
) -> HTMLResponse:
    """Show the songs of a drop, sorted; as long as some are not predicted, it is asked for anew."""
    content = _fill_table(state, require_drop(drop), sort, down)
    return show_page(request, "_dropped_songs.html", content)


@router.get("/dropped.csv")
def send_csv(state: State, drop: str, sort: Column | None = None, down: bool = False) -> Response:
    """Send the same songs as comma-separated values."""
    file = StringIO()
    writer = csv.writer(file)
    writer.writerow(CSV_COLUMNS)
    writer.writerows(map(_csv_row, _sort(_read_rows(state, require_drop(drop)), sort, down)))
    headers = {"Content-Disposition": 'attachment; filename="genres.csv"'}
    return Response(file.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _fill_table(state: WebState, drop: str, sort: Column | None, down: bool) -> dict[str, Any]:
    rows = _sort(_read_rows(state, drop), sort, down)
    n_waiting = sum(not song.is_done for song, _ in rows)
    genres = {genre for _, shown in rows if shown for genre in shown.probabilities}
    n_failed = sum(bool(song.error) for song, _ in rows)
    n_predicted = len(rows) - n_waiting - n_failed
    done = f"{n_predicted} of {counted(len(rows), 'song')} predicted"
    failed = f", {n_failed} cannot be" if n_failed else ""
    return {
        "drop": drop,
        "rows": rows,
        "columns": COLUMNS,
        "sort": sort,
        "down": down,
        "n_waiting": n_waiting,
        "sentence": f"{done}{failed}." if rows else "",
        "styles": library_styles(state, genres),
    }


def _read_rows(state: WebState, drop: str) -> list[Row]:
    return [
        (
            song,
            describe_prediction(state, song.prediction, song.track_id) if song.prediction else None,
        )
        for song in state.drops.of(drop)
    ]


def _sort(rows: Sequence[Row], sort: Column | None, down: bool) -> list[Row]:
    """Sort rows by a column; those without a value come last, either way."""
    if sort is None:
        return list(rows)
    keys: dict[Column, Callable[[Row], Any]] = {
        "name": lambda row: row[0].title.casefold(),
        "genre": lambda row: row[1].shown_genre.casefold() if row[1] else None,
        "confidence": lambda row: row[1].confidence if row[1] else None,
        "precision": lambda row: row[1].share if row[1] else None,
        "length": lambda row: row[0].facts.duration_s if row[0].facts else None,
    }
    key = keys[sort]
    known = sorted((row for row in rows if key(row) is not None), key=key, reverse=down)
    return [*known, *(row for row in rows if key(row) is None)]


def _csv_row(row: Row) -> tuple[object, ...]:
    song, shown = row
    names = (quote_formula(song.title), quote_formula(song.name))
    length_s = round(song.facts.duration_s, 1) if song.facts else ""
    if shown is None:
        return (*names, "", "", "", "", "", length_s, quote_formula(song.error))
    others = "; ".join(f"{genre} {probability:.4f}" for genre, probability in shown.alternatives)
    share = "" if shown.share is None else f"{10 * shown.share:.2f}"
    is_unknown = "yes" if shown.is_unknown else "no"
    confidence = f"{shown.confidence:.4f}"
    named, others = quote_formula(shown.shown_genre), quote_formula(others)
    return (*names, named, confidence, share, others, is_unknown, length_s, "")

"""Map: all songs as points, near each other where they sound alike; a click plays one."""

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from flows.web.pages import GenreStyle, genre_styles, show_page
from flows.web.shown_predictions import find_precision
from flows.web.state import State, WebState
from genre_core.evaluation.precision import Precision
from genre_core.figures.colours import MARKER_PATHS
from genre_core.records import counted
from storage.catalog.embeddings import embedded_representations
from storage.catalog.song_map import MappedSong, read_map
from storage.home import DataLayout

router = APIRouter(prefix="/map", include_in_schema=False)
N_ROWS = 25
GRID = 9999
"""Points are whole numbers of this grid: finer than a screen, and short."""
ID_DIGITS = 16
KINDS = {
    "error": "The model says otherwise",
    "suspect": "The label looks wrong",
    "unknown": "Unknown to the model",
}
"""What a point is marked as, in the order of the bits that the browser gets."""
NO_LABEL = GenreStyle("genre-none", "o", "pattern-none")


@dataclass(frozen=True)
class SongMap:
    """The songs of a home, as the map and its table show them."""

    songs: tuple[MappedSong, ...]

    @cached_property
    def styles(self) -> dict[str, GenreStyle]:
        """Style of each label, in the order of `genre_counts`."""
        known = genre_styles(filter(None, self.genre_counts))
        return {genre: known.get(genre, NO_LABEL) for genre in self.genre_counts}

    @cached_property
    def genre_counts(self) -> dict[str, int]:
        """Songs of each label, in the order of their names; those without one come last."""
        counts = Counter(song.label for song in self.songs)
        return {genre: counts[genre] for genre in sorted(counts, key=lambda g: (not g, g))}

    @cached_property
    def kind_counts(self) -> dict[str, int]:
        """Songs of each kind."""
        counts = Counter(kind for song in self.songs for kind in kinds_of(song))
        return {kind: counts[kind] for kind in KINDS}

    @cached_property
    def n_placed(self) -> int:
        """Songs that are on the map."""
        return sum(song.x is not None for song in self.songs)

    @cached_property
    def document(self) -> bytes:
        """What the browser draws, by columns; ``kinds`` are bits in the order of `KINDS`."""
        placed = [song for song in self.songs if song.x is not None and song.y is not None]
        genres, predicted = list(self.styles), {s.prediction or "" for s in placed} - {""}
        names = genres + sorted(predicted - set(genres))
        number = {genre: place for place, genre in enumerate(names)}
        columns = {
            "genres": [
                {"name": name, "css": style.css, "shape": MARKER_PATHS[style.marker]}
                for name, style in self.styles.items()
            ],
            "predictions": names,
            "id": [song.track_id[:ID_DIGITS] for song in placed],
            "name": [song.name for song in placed],
            "x": [round(GRID * (song.x or 0)) for song in placed],
            "y": [round(GRID * (song.y or 0)) for song in placed],
            "genre": [number[song.label] for song in placed],
            "predicted": [number.get(song.prediction or "", -1) for song in placed],
            "kinds": [_bits(song) for song in placed],
        }
        return json.dumps(columns, ensure_ascii=False, separators=(",", ":")).encode()

    def find(self, choice: "Choice") -> list[MappedSong]:
        """Return the songs of any of the labels and kinds, with the text in their names."""
        text = choice.text.casefold()
        return [
            song
            for song in self.songs
            if (not choice.genres or song.label in choice.genres)
            and (not choice.kinds or set(choice.kinds).intersection(kinds_of(song)))
            and text in song.name.casefold()
        ]


def kinds_of(song: MappedSong) -> list[str]:
    """Return what a song is marked as."""
    facts = (song.is_error, song.is_suspect, bool(song.unknown))
    return [kind for kind, holds in zip(KINDS, facts, strict=True) if holds]


def _bits(song: MappedSong) -> int:
    kinds = kinds_of(song)
    return sum(1 << place for place, kind in enumerate(KINDS) if kind in kinds)


def song_map(layout: DataLayout) -> SongMap:
    """Return the map of a home, read again once a new store is published."""
    if not layout.published.exists():
        return SongMap(())
    return _read(layout, layout.published.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(layout: DataLayout, _changed_at: int) -> SongMap:
    return SongMap(tuple(read_map(layout)))


@dataclass(frozen=True, slots=True)
class Choice:
    """The songs that a visitor wants to see; nothing chosen: all."""

    genres: list[str]
    kinds: list[str]
    text: str
    start: int


def read_choice(
    genre: Annotated[list[str] | None, Query(max_length=500)] = None,
    kind: Annotated[list[str] | None, Query(max_length=len(KINDS))] = None,
    q: Annotated[str, Query(max_length=200)] = "",
    start: Annotated[int, Query(ge=0)] = 0,
) -> Choice:
    """Read the choice from the query of an address."""
    return Choice(genre or [], kind or [], q, start)


Chosen = Annotated[Choice, Depends(read_choice)]


@router.get("")
def show_map(request: Request, state: State, choice: Chosen) -> HTMLResponse:
    """Show the map, its legend and its table."""
    found = song_map(state.layout)
    content = {
        "page": "map",
        "map": found,
        "not_placed": counted(len(found.songs) - found.n_placed, "song is", "songs are"),
        "missing": "" if found.n_placed else explain_missing(state.layout),
    }
    return show_page(request, "map.html", {**content, **_table(found, choice)})


@router.get("/table")
def show_table(request: Request, state: State, choice: Chosen) -> HTMLResponse:
    """Show a part of the table."""
    return show_page(request, "_map_table.html", _table(song_map(state.layout), choice))


@router.get("/points.json")
def send_points(state: State) -> Response:
    """Send the points to the browser."""
    return Response(song_map(state.layout).document, media_type="application/json")


@router.get("/songs/{track_id}")
def show_song(request: Request, state: State, track_id: str) -> HTMLResponse:
    """Show a song that was chosen on the map, with its player."""
    found = song_map(state.layout)
    songs = [s for s in found.songs if len(track_id) >= 8 and s.track_id.startswith(track_id)]
    if len(songs) != 1:
        raise HTTPException(404, "This song is not in the library any more. Load the page again.")
    (song,) = songs
    content = {
        "song": song,
        "styles": found.styles,
        "shapes": MARKER_PATHS,
        "kinds": kinds_of(song),
        "precision": precision_of(state, song),
    }
    return show_page(request, "_map_song.html", content)


def precision_of(state: WebState, song: MappedSong) -> Precision | None:
    """Return how often predictions like that of a song are right; None without a confidence."""
    return None if song.confidence is None else find_precision(state.layout, song.confidence)


def explain_missing(layout: DataLayout) -> str:
    """Return why there is no map, and what to do."""
    if not layout.published.exists():
        return "There are no songs yet. Run `genreflow run MUSIC` with the folder of your music."
    if not embedded_representations(layout):
        return (
            "The songs have no embeddings, by which the map places them. Put `musicnn` among the "
            "`representations` in genreflow.toml, then run `genreflow extract` and "
            "`genreflow train`."
        )
    return "The map is not drawn yet. The next nightly run draws it, or `genreflow train` now."


def _table(found: SongMap, choice: Choice) -> dict[str, object]:
    songs = found.find(choice)
    start = min(choice.start, max(0, len(songs) - 1)) // N_ROWS * N_ROWS
    return {
        "choice": choice,
        "songs": songs[start : start + N_ROWS],
        "n_found": len(songs),
        "start": start,
        "n_rows": N_ROWS,
        "styles": found.styles,
        "shapes": MARKER_PATHS,
        "kinds_of": kinds_of,
        "all_kinds": KINDS,
    }

"""Templates: every page has the same header, with the champion, its score and what waits."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from flows.web.commands import describe_lack
from flows.web.state import WebState, state_of
from genre_core.evaluation.bootstrap import Interval
from genre_core.figures.colours import MARKERS, OKABE_ITO
from genre_core.locations import printable
from storage.catalog.song_page import read_labels_in_use
from storage.catalog.status import read_header_facts
from storage.home import DataLayout
from storage.models.champion import DOCUMENT_FILE, read_genres

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
FOLDER = Path(__file__).parent
PAGES = {
    "listen": ("/", "Listen"),
    "review": ("/review", "Review"),
    "map": ("/map", "Map"),
    "models": ("/models", "Models"),
    "nights": ("/nights", "Nights"),
}
"""Path and name of each page, in the order of the navigation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Facts above every page; ``score`` is macro F1 on the test songs, None before a champion."""

    version: int | None = None
    network: str = ""
    score: Interval | None = None
    n_songs: int = 0
    n_conflicts: int = 0
    n_suspects: int = 0

    @property
    def n_waiting(self) -> int:
        """Songs and recordings that wait for a decision."""
        return self.n_conflicts + self.n_suspects


@dataclass(frozen=True, slots=True)
class GenreStyle:
    """Colour (``css``, a class of app.css), shape and pattern of a genre.

    No two of the first 64 share colour and shape; shape and pattern have the same number.
    """

    css: str
    marker: str
    pattern: str


def read_header(layout: DataLayout) -> Header:
    """Read the facts above every page; a home without a store has none."""
    if not layout.published.exists():
        return Header()
    return _read_header(layout, layout.published.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_header(layout: DataLayout, _changed_at: int) -> Header:
    row = read_header_facts(layout)
    value, low, high = (row[name] for name in ("value", "low", "high"))
    return Header(
        version=row["version"],
        network=row["network"] or "",
        score=None if value is None else Interval(value=value, low=low, high=high),
        **{name: row[name] for name in ("n_songs", "n_conflicts", "n_suspects")},
    )


def library_styles(state: WebState, genres: Iterable[str] = ()) -> dict[str, GenreStyle]:
    """Return the styles of all genres of library and champion, which are the same on every page.

    ``genres`` are those of the page, if there may be others.
    """
    files = (state.layout.published, state.layout.champion / DOCUMENT_FILE)
    changed_at = tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)
    return genre_styles([*_genres_of(state.layout, changed_at), *genres])


@lru_cache(maxsize=4)
def _genres_of(layout: DataLayout, _changed_at: tuple[int, ...]) -> tuple[str, ...]:
    return (*read_labels_in_use(layout), *read_genres(layout.champion))


def genre_styles(genres: Iterable[str]) -> dict[str, GenreStyle]:
    """Return the style of each genre by its name, from its place in the alphabet."""
    return {genre: _style(number) for number, genre in enumerate(sorted(set(genres)))}


def _style(number: int) -> GenreStyle:
    turn, place = divmod(number, len(OKABE_ITO))
    shape = (place + turn) % len(MARKERS)
    return GenreStyle(f"genre-{place}", MARKERS[shape], f"pattern-{shape}")


def show_page(
    request: Request, template: str, content: Mapping[str, Any] | None = None, status: int = 200
) -> HTMLResponse:
    """Fill a template; a part of a page (htmx) is a template whose name begins with ``_``."""
    state = state_of(request)
    shared = {"request": request, "pages": PAGES, "nonce": request.state.nonce}
    if not template.startswith("_"):
        shared["header"] = read_header(state.layout)
    text = environment().get_template(template).render({**shared, **(content or {})})
    return HTMLResponse(text, status)


def show_markdown(text: str) -> Markup:
    """Return a document in Markdown as HTML, without its front matter.

    HTML in it is shown as text; links and pictures are none, since others may have written it.
    """
    from markdown_it import MarkdownIt  # for this page alone

    body = "\n".join(map(printable, _FRONT_MATTER.sub("", text).splitlines()))
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    return Markup(parser.disable(["link", "image", "autolink"]).render(body))


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the environment of the templates; values are escaped."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": lambda share: f"{100 * share:.0f} %",
        "clock": clock,
        "points": _points,
        "formatted": _format,
        "shown": lambda text: printable(str(text)),
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
    }
    made.globals["lack_of"] = describe_lack
    return made


def _points(share: float) -> str:
    """Return a change of a probability in per cent, with its sign: ``+12.3 %``."""
    points = round(100 * share, 1)
    return f"{points:+.1f} %".replace("-", "\N{MINUS SIGN}") if points else "0.0 %"


def _format(sentence: str) -> Markup:
    """Return a sentence as HTML; what stands in backticks is code."""
    parts = re.split("`([^`]+)`", printable(sentence))
    shown = [
        Markup("<code>{}</code>" if nth % 2 else "{}").format(p) for nth, p in enumerate(parts)
    ]
    return Markup("").join(shown)


def clock(seconds: float) -> str:
    """Return minutes and seconds as players show them: 3:05."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"

"""Reports: figures and documents for people, written atomically below ``reports/``."""

import html
import io
import json
import logging
import math
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genre_core.errors import CatalogMismatch
from genre_core.evaluation.bootstrap import Interval
from storage.catalog.removals import RemovedSong
from storage.files import write_bytes
from storage.home import DataLayout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

logger = logging.getLogger(__name__)

DPI = 150
NIGHTLY = "nights"
_OF_A_NIGHT = {".html", ".md"}
_TEXTS = {".html", ".md", ".json", ".csv"}


def writable_reports(layout: DataLayout) -> Path:
    """Return the folder of reports; of a home that may only be read, a temporary one."""
    place = layout.reports if layout.reports.exists() else layout.home
    if os.access(place, os.W_OK):
        return layout.reports
    folder = Path(tempfile.mkdtemp(prefix="genreflow-reports-"))
    logger.warning("%s cannot be written to; the report is in %s", place, folder)
    return folder


def write_figure(folder: Path, name: str, figure: "Figure") -> Path:
    """Write a figure as ``<name>.png`` into a folder; return its path."""
    write_bytes(folder / f"{name}.png", figure_png(figure))
    return folder / f"{name}.png"


def figure_png(figure: "Figure") -> bytes:
    """Return a figure as the bytes of a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


def write_document(folder: Path, name: str, document: Mapping[str, object]) -> Path:
    """Write a document as ``<name>.json`` into a folder; return its path."""
    return write_text(
        folder, f"{name}.json", json.dumps(document, indent=2, allow_nan=False) + "\n"
    )


def plain(value: object) -> Any:  # noqa: ANN401 - what JSON has
    """Return a value as JSON has it; an interval is value, low, high, and no number is null."""
    if isinstance(value, Interval):
        return plain(value.as_list())
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_document(folder: Path, name: str) -> dict[str, object] | None:
    """Return what `write_document` wrote; None if there is no such document."""
    path = folder / f"{name}.json"
    try:
        return json.loads(path.read_text("utf-8")) if path.exists() else None
    except ValueError as error:
        raise CatalogMismatch(f"{path} is damaged ({error}). Remove it and retry.") from error


def write_text(folder: Path, name: str, text: str) -> Path:
    """Write a text file into a folder; return its path."""
    write_bytes(folder / name, text.encode())
    return folder / name


def copy_figure(folder: Path, name: str, figure: Path) -> Path:
    """Copy a figure of another report as ``<name>.png``; return its path."""
    path = folder / f"{name}.png"
    write_bytes(path, figure.read_bytes())
    return path


def read_figure(folder: Path, name: str) -> bytes:
    """Return the bytes of a figure of a folder."""
    return (folder / name).read_bytes()


def clear_figures(folder: Path) -> None:
    """Remove the numbered figures of an earlier report."""
    for path in folder.glob("figure-*.png"):
        path.unlink()


def remove_nightly_reports(layout: DataLayout, removed_at: datetime | None) -> None:
    """Remove the nightly reports older than the last removal: they may name removed songs."""
    if removed_at is None:
        return
    for page in (layout.reports / NIGHTLY).glob("*.*"):
        if page.suffix in _OF_A_NIGHT and page.stat().st_mtime <= removed_at.timestamp():
            page.unlink()


def reports_naming(layout: DataLayout, songs: Sequence[RemovedSong]) -> list[Path]:
    """Return the reports whose text holds the title, the artist or the id of one of the songs."""
    names = {name for song in songs for name in (song.artist, song.title, song.track_id) if name}
    texts = sorted(path for path in layout.reports.rglob("*") if path.suffix in _TEXTS)
    return [path for path in texts if _holds(path, names)]


def _holds(path: Path, names: set[str]) -> bool:
    read = path.read_text("utf-8", errors="replace")
    text = re.sub(r"\\([^\w\s]|_)", r"\1", html.unescape(read))  # without Markdown's escapes
    return any(name in text or json.dumps(name)[1:-1] in read for name in names)

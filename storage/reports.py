"""Reports: figures and documents that people open, each whole or not at all."""

import html
import io
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from storage.catalog.removals import RemovedSong
from storage.home import DataLayout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150


def write_figure(folder: Path, name: str, figure: "Figure") -> Path:
    """Write a figure as ``<name>.png`` into a folder; give where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    part = path.with_suffix(".part")
    try:
        figure.savefig(part, format="png", dpi=DPI)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def figure_png(figure: "Figure") -> bytes:
    """Give a figure as the bytes of a PNG, to be held by a page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


def write_document(folder: Path, name: str, document: Mapping[str, object]) -> Path:
    """Write a document as ``<name>.json`` into a folder; give where it is."""
    return write_text(
        folder, f"{name}.json", json.dumps(document, indent=2, allow_nan=False) + "\n"
    )


def read_document(folder: Path, name: str) -> dict[str, object] | None:
    """Give what `write_document` wrote; none if nothing was."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def write_text(folder: Path, name: str, text: str) -> Path:
    """Write a file of text into a folder; give where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    part = path.with_suffix(".part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def copy_figure(folder: Path, name: str, figure: Path) -> Path:
    """Copy a figure that another report has drawn as ``<name>.png``; give where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(figure, folder / f"{name}.png"))


def read_figure(folder: Path, name: str) -> bytes:
    """Give the bytes of a figure of a folder."""
    return (folder / name).read_bytes()


def clear_figures(folder: Path) -> None:
    """Remove the figures of an earlier report."""
    for path in folder.glob("*.png"):
        path.unlink()


TEXTS = {".html", ".md", ".json", ".csv"}


def remove_pages(layout: DataLayout, removed_at: datetime | None) -> None:
    """Remove the pages of nights that are older than the last removal: they may name its songs."""
    if removed_at is None:
        return
    for page in (layout.reports / "nights").glob("*"):
        if page.stat().st_mtime <= removed_at.timestamp():
            page.unlink()


def naming_reports(layout: DataLayout, songs: Sequence[RemovedSong]) -> list[Path]:
    """Give the reports of studies whose text holds the title or the artist of one of the songs."""
    names = {name for song in songs for name in (song.artist, song.title) if name}
    texts = sorted(path for path in layout.reports.rglob("*") if path.suffix in TEXTS)
    return [path for path in texts if _holds(path, names)]


def _holds(path: Path, names: set[str]) -> bool:
    read = path.read_text("utf-8", errors="replace")
    text = re.sub(r"\\([^\w\s]|_)", r"\1", html.unescape(read))  # without Markdown's escapes
    return any(name in text or json.dumps(name)[1:-1] in read for name in names)

"""Reports: figures and documents that people open, each whole or not at all."""

import io
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

DPI = 150


def write_figure(folder: Path, name: str, figure: Figure) -> Path:
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


def figure_png(figure: Figure) -> bytes:
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

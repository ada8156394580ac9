"""Pages of the nights and of studies: which of them name a song that was removed."""

import html
import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from storage.catalog.removals import RemovedSong
from storage.layout import DataLayout

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

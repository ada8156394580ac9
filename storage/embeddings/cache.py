"""Small things that are made once a machine and can be made again, in the cache of the user."""

import json
import os
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """Return the cache of this program: ``$XDG_CACHE_HOME/genreflow`` or ``~/.cache/genreflow``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "genreflow"


def read_note(name: str) -> dict[str, Any] | None:
    """Return what `write_note` wrote; none if nothing was, or it cannot be read."""
    try:
        return json.loads((cache_folder() / f"{name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None


def write_note(name: str, note: dict[str, Any]) -> None:
    """Write a note as ``<name>.json``, whole; a cache that cannot be written is done without."""
    path = cache_folder() / f"{name}.json"
    part = path.with_suffix(f".{uuid.uuid4().hex}.part")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(note), "utf-8")
        part.replace(path)

"""What a command printed into a file: its last lines, and the last complaint among them."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

_COMPLAINT = "genreflow: "
MOST_READ = 20_000
"""Bytes at the end of what a command printed."""


def read_end(log: Path) -> list[str]:
    """Return the last lines of a file that are not empty; none if it is not there."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - MOST_READ))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


def find_complaint(lines: Sequence[str]) -> str:
    """Return the last complaint among lines, which may be JSON, else the last line; else empty."""
    complaints = [text for text in map(_complaint, lines) if text]
    return next(reversed([*lines[-1:], *complaints]), "")


def _complaint(line: str) -> str:
    """Return the message of a line that complains; empty for others."""
    if line.startswith(_COMPLAINT):
        return line.removeprefix(_COMPLAINT)
    try:
        record = json.loads(line)
        return str(record["message"]) if record["level"] in ("ERROR", "CRITICAL") else ""
    except (ValueError, TypeError, KeyError):
        return ""

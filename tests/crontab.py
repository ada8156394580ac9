"""A program `crontab` with the options that POSIX describes, whose table is in a file."""

import os
from pathlib import Path

import pytest

_PROGRAM = """#!/bin/sh
case "$1" in
-l) [ -f "$CRONTAB" ] || { echo "no crontab for tester" >&2; exit 1; }; cat "$CRONTAB" ;;
-r) rm "$CRONTAB" ;;
-) cat > "$CRONTAB" ;;
esac
"""


def put_crontab(folder: Path, monkeypatch: pytest.MonkeyPatch, path: str = "") -> Path:
    """Put the program before a path of programs; return the file of its table."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "crontab").write_text(_PROGRAM)
    (programs / "crontab").chmod(0o700)
    monkeypatch.setenv("PATH", f"{programs}:{path or os.environ['PATH']}")
    monkeypatch.setenv("CRONTAB", str(folder / "crontab"))
    return folder / "crontab"

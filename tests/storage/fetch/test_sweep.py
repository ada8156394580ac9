"""Parts that a later run can go on with stay for some days; the others are swept."""

import os
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from genre_core.errors import TransientError
from genre_core.records import Track
from storage.fetch.parts import sweep_parts
from storage.home import DataLayout

Fetch = Callable[..., Track]


def files(layout: DataLayout) -> list[Path]:
    return [path for path in layout.home.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("kept_days", "age_days", "n_kept"), [(7, 6, 2), (7, 8, 0)])
def test_old_parts_are_swept(
    host: ThreadingHTTPServer,
    fetch: Fetch,
    layout: DataLayout,
    kept_days: int,
    age_days: int,
    n_kept: int,
) -> None:
    host.send_song(cut=50_000)
    with pytest.raises(TransientError):
        fetch(f"{host.url}/song.mp3", max_attempts=1)
    touched_s = time.time() - age_days * 86_400
    for path in files(layout):
        os.utime(path, (touched_s, touched_s))

    sweep_parts(layout, kept_days)

    assert len(files(layout)) == n_kept


def test_what_no_run_can_go_on_with_is_swept(layout: DataLayout) -> None:
    parts = layout.songs / ".part"
    parts.mkdir(parents=True)
    (parts / "0123").write_bytes(b"half a song")
    (parts / "4567.json").write_text('{"validator": "x", "n_bytes": 9}')
    (parts / "89ab.new").write_text('{"valida')

    sweep_parts(layout)

    assert files(layout) == []

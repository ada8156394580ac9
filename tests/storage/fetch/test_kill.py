"""A process that is killed in the middle of a download loses nothing of it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer

from genre_core.records import Track
from storage.fetch.parts import sweep_parts
from storage.home import DataLayout

FETCH = """
import sys
from pathlib import Path
from genre_core.records import Source
from storage.fetch.download import DownloadLimits, fetch_song
from storage.home import DataLayout
fetch_song(Source(location=sys.argv[1], genre=""), DataLayout(Path(sys.argv[2])), DownloadLimits())
"""
PATIENCE_S = 30.0


def wait_for_bytes(layout: DataLayout, n_bytes: int) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if any(part.stat().st_size >= n_bytes for part in layout.songs.glob(".part/*")):
            return
        time.sleep(0.02)
    raise TimeoutError(f"no part has {n_bytes} bytes")


def test_a_killed_download_goes_on_in_the_next_run(
    host: ThreadingHTTPServer, fetch: Callable[..., Track], layout: DataLayout
) -> None:
    url, length = f"{host.url}/song.mp3", str(len(host.song))
    host.send(host.song[:50_000], then="stall", Content_Length=length, ETag='"first"')
    arguments = [sys.executable, "-c", FETCH, url, str(layout.home)]
    with subprocess.Popen(arguments) as process:
        wait_for_bytes(layout, 40_000)
        process.send_signal(signal.SIGKILL)
    n_kept = max(part.stat().st_size for part in layout.songs.glob(".part/*"))
    sweep_parts(layout)

    track = fetch(url)

    assert host.asked[1]["range"] == f"bytes={n_kept}-"
    assert layout.song(track.track_id, ".mp3").read_bytes() == host.song
    assert list(layout.songs.glob(".part/*")) == []

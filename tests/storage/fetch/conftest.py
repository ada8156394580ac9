"""A server on this machine that misbehaves on request, and a clock without real waits."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Source, Track
from storage.fetch.download import fetch_song
from storage.fetch.limits import Clock, DownloadLimits
from storage.home import DataLayout

ETAG = '"first"'


class Host(ThreadingHTTPServer):
    """Answers as planned, one answer a request, and then with the whole song."""

    def __init__(self, song: bytes, place: str) -> None:
        super().__init__((place, 0), _Handler)
        self.song = song
        self.cut: int | None = None  # answers that are not planned break off after so many bytes
        self.knows_ranges = True
        self.asked: list[dict[str, str]] = []
        self.plan: list[Callable[[_Handler], None]] = []
        self.closing = threading.Event()
        self.url = f"http://{place}:{self.server_port}"

    def find(self, path: str) -> bytes | None:
        """Return the content of a path: the song, whatever it is."""
        return self.song

    def refuse(self, status: int, **headers: str) -> None:
        """Answer with a status and no body."""
        self.plan.append(lambda handler: handler.send_head(status, Content_Length="0", **headers))

    def send(self, body: bytes, then: str = "close", **headers: str) -> None:
        """Answer 200 with any headers and any body, then close, stall or drip; or drip the head."""
        self.plan.append(lambda handler: handler.send_badly(body, then, headers))

    def send_song(self, cut: int | None = None, etag: str = ETAG, **headers: str) -> None:
        """Answer with the song, or what is asked for of it, broken off after ``cut`` bytes."""
        self.plan.append(lambda handler: handler.send_song(cut, etag, headers))

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no error here."""


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        headers = {name.lower(): text for name, text in self.headers.items()}
        self.server.asked.append({"path": self.path, **headers})
        if self.server.plan:
            self.server.plan.pop(0)(self)
        else:
            self.send_song(self.server.cut, ETAG, {})

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def send_head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()

    def send_badly(self, body: bytes, then: str, headers: dict[str, str]) -> None:
        if then == "drip head":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        else:
            self.send_head(200, **headers)
            self.wfile.write(body)
        if then == "stall":
            self.server.closing.wait(10)
        while then.startswith("drip") and not self.server.closing.wait(0.01):
            self.wfile.write(b"x")

    def send_song(self, cut: int | None, etag: str, headers: dict[str, str]) -> None:
        song, start = self.server.find(self.path), self._start(etag)
        if song is None:
            self.send_head(404, Content_Length="0")
            return
        if start >= len(song):
            self.send_head(416, Content_Range=f"bytes */{len(song)}", Content_Length="0")
            return
        whole = f"bytes {start}-{len(song) - 1}/{len(song)}"
        part = {"Content_Range": whole} if start else {}
        named = {"ETag": etag} if etag else {}
        length = {"Content_Length": str(len(song) - start)}
        self.send_head(206 if start else 200, **(length | part | named | headers))
        self.wfile.write(song[start:][:cut])

    def _start(self, etag: str) -> int:
        asked = self.headers.get("range", "")
        is_same = self.headers.get("if-range", etag) == etag
        if not (asked and is_same and self.server.knows_ranges):
            return 0
        return int(asked.removeprefix("bytes=").rstrip("-"))


class ManualClock:
    """A clock that advances by ``step_s`` a look, and by what is waited for."""

    def __init__(self) -> None:
        self.now_s, self.step_s = 0.0, 0.0
        self.waits_s: list[float] = []

    def read_s(self) -> float:
        self.now_s += self.step_s
        return self.now_s

    def sleep(self, wait_s: float) -> None:
        self.waits_s.append(wait_s)
        self.now_s += wait_s


Fetch = Callable[..., Track]


def outcome_of(fetch: Fetch, url: str, *arguments: Any, **limits: float) -> str:  # noqa: ANN401
    """Fetch what must fail; return result and reason: ``retryable timed_out``."""
    with pytest.raises((TrackRejected, TransientError)) as failure:
        fetch(url, *arguments, **limits)
    result = "retryable" if isinstance(failure.value, TransientError) else "quarantined"
    return f"{result} {failure.value.reason}"


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path / "home")


@pytest.fixture
def manual() -> ManualClock:
    return ManualClock()


@pytest.fixture
def fetch(layout: DataLayout, manual: ManualClock) -> Fetch:
    """Fetch an address: ``fetch(url, max_attempts=3)``; it is 1970, and waits cost nothing."""
    clock = Clock(read_s=manual.read_s, today_s=lambda: 0.0, sleep=manual.sleep)

    def fetch_address(location: str, **limits: float) -> Track:
        chosen = DownloadLimits(**{"timeout_s": 2.0, "max_attempts": 3, **limits})
        return fetch_song(Source(location=location, genre="rock"), layout, chosen, clock)

    return fetch_address


@contextmanager
def serve(host: Host) -> Iterator[Host]:
    """Let a server answer until the end of the block."""
    with host:
        threading.Thread(target=host.serve_forever, args=(0.01,), daemon=True).start()
        yield host
        host.closing.set()
        host.shutdown()


@pytest.fixture
def host(sweep_mp3: Path) -> Iterator[Host]:
    with serve(Host(sweep_mp3.read_bytes(), "127.0.0.1")) as server:
        yield server


@pytest.fixture
def neighbour(sweep_mp3: Path) -> Iterator[Host]:
    """Another server at another address that is not public."""
    with serve(Host(sweep_mp3.read_bytes(), "127.0.0.2")) as server:
        yield server

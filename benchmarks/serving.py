"""How well `genreflow serve` holds where some of its clients are hostile.

``PYTHONPATH=. python -m benchmarks.serving MUSIC HOME``

MUSIC holds an mp3, which is repeated or cut to three minutes; HOME has a champion. First 12 clients
ask for a song, then the same beside four hostile ones, 1,000 requests in all: addresses that come
slowly, large and broken bodies, Parquet of millions of rows, paths that are none.
"""

import base64
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread

import httpx
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.bars import Bar
from benchmarks.classifying import COMMAND, make_song
from benchmarks.tables import print_bars

N_REQUESTS, N_CLIENTS, N_HOSTILE = 1000, 16, 4
SLOWER_BAR, GROWTH_BAR_MB = 2.0, 200.0
JSON, PARQUET = "application/json", "application/vnd.apache.parquet"
Request = tuple[bytes, str]


def measure(music: Path, home: Path) -> list[Bar]:
    """Serve the champion of a home, without and with hostile clients."""
    with TemporaryDirectory() as folder, _slow_site() as slow, _served(home) as (url, process):
        song = make_song(music, Path(folder, "song.mp3"))
        good, bad = _good_requests(song), _hostile_requests(slow)
        n_each = N_REQUESTS // (2 * N_CLIENTS - N_HOSTILE)
        expected = _post(url, good[0])[1]
        n_calm = N_CLIENTS - N_HOSTILE
        calm = _load(url, [good] * n_calm, n_each)
        before = process.memory_info().rss
        loaded = _load(url, [good] * n_calm + [bad] * N_HOSTILE, n_each)
        grown_mb = (process.memory_info().rss - before) / 1e6
    answers = [answer for _, answer in calm + loaded[: n_calm * n_each]]
    n_wrong = sum(answer != expected for answer in answers)
    times_s = [median(s for s, _ in part) for part in (calm, loaded[: n_calm * n_each])]
    note = f"{1000 * times_s[0]:.0f} ms alone, {1000 * times_s[1]:.0f} ms beside {N_HOSTILE}"
    return [
        Bar(name="serve, wrong answers", measured=n_wrong, bar=0, unit="", at_least=False,
            note=f"of {len(answers)}, {len(calm + loaded)} requests in all"),
        Bar(name="serve, slower beside hostile clients", measured=times_s[1] / times_s[0],
            bar=SLOWER_BAR, unit="times", at_least=False, note=note),
        Bar(name="serve, memory grown", measured=grown_mb, bar=GROWTH_BAR_MB, unit="MB",
            at_least=False, note=f"from {before / 1e6:.0f} MB"),
    ]  # fmt: skip


def _good_requests(song: Path) -> list[Request]:
    audio = base64.b64encode(song.read_bytes()).decode()
    rows = [{"song": str(song)}, {"audio_base64": audio}]
    return [(json.dumps({"dataframe_records": [row]}).encode(), JSON) for row in rows]


def _hostile_requests(slow: str) -> list[Request]:
    claims = io.BytesIO()
    pq.write_table(pa.table({"song": ["/a"] * 3_000_000}), claims)
    paths = ["\0", "\ud800", "/dev/zero", "/proc/self/mem", "http://2130706433/", "x" * 5000]
    rows = [{"dataframe_records": [{"song": song}]} for song in (slow, *paths)]
    return [
        *((json.dumps(row).encode(), JSON) for row in rows),
        (claims.getvalue(), PARQUET),
        (b"[" * 1_000_000, JSON),
        (b" " * (40 << 20), JSON),
        (json.dumps({"inputs": {"audio_base64": ["A" * (30 << 20)]}}).encode(), JSON),
    ]


def _load(url: str, clients: Sequence[Sequence[Request]], n_each: int) -> list[tuple[float, str]]:
    """Let clients ask at the same time; return seconds and answer of each request, in order."""
    with ThreadPoolExecutor(len(clients)) as threads:
        plans = [list(islice(cycle(requests), n_each)) for requests in clients]
        found = threads.map(lambda plan: [_post(url, request) for request in plan], plans)
        return [answer for answers in found for answer in answers]


def _post(url: str, request: Request) -> tuple[float, str]:
    begun = time.perf_counter()
    body, kind = request
    try:
        answer = httpx.post(url, content=body, headers={"content-type": kind}, timeout=300)
        rows = answer.json().get("predictions", [{}])
        genre = str(rows[0].get("genre", answer.status_code))
    except httpx.TransportError as error:  # the server hangs up on a body that is too large
        genre = type(error).__name__
    return time.perf_counter() - begun, genre


@contextmanager
def _served(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", COMMAND, "serve", "--home", str(home), "--port", str(port)]
    settings = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    settings["GENREFLOW_LIMITS__ALLOW_PRIVATE"] = "true"  # the slow site is on this machine
    with subprocess.Popen(
        command, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}/invocations", psutil.Process(process.pid)
        process.terminate()


@contextmanager
def _slow_site() -> Iterator[str]:
    """Yield an address that sends its song at 3 kB per second."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=partial(_accept, listener), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/song.mp3"


def _accept(listener: socket.socket) -> None:
    while True:
        try:
            connection = listener.accept()[0]
        except OSError:
            return
        Thread(target=_drip, args=[connection], daemon=True).start()


def _drip(connection: socket.socket) -> None:
    with connection:
        try:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n")
            while True:
                connection.sendall(b"x" * 3000)
                time.sleep(1)
        except OSError:
            return


if __name__ == "__main__":
    print_bars(measure(Path(sys.argv[1]), Path(sys.argv[2])))

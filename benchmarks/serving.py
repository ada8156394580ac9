"""How well `genreflow serve` holds where some of its clients are hostile.

``PYTHONPATH=. python -m benchmarks.serving MUSIC HOME``

MUSIC holds an mp3, which is repeated or cut to three minutes; HOME has a champion. 12 clients ask
for songs, 408 requests alone and the same 408 beside four hostile clients, which go on until those
are answered: addresses that come slowly, connections that send nothing, large and broken bodies,
Parquet of millions of rows, base64 of nothing, paths that are none, addresses as numbers.
"""

import base64
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from threading import Event, Thread
from urllib.parse import urlsplit

import httpx
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.bars import Bar
from benchmarks.classifying import COMMAND, make_song
from benchmarks.tables import print_bars, say

N_HONEST, N_HOSTILE, N_EACH = 12, 4, 34
PATIENCE_S = 10.0
"""How long a hostile client holds on to a request."""
SLOWER_BAR, GROWTH_BAR_MB = 2.0, 200.0
JSON, PARQUET = "application/json", "application/vnd.apache.parquet"
Request = tuple[bytes, str]
Answer = tuple[float, str]
"""Seconds, and the genre or what came in its place."""


def measure(music: Path, home: Path) -> list[Bar]:
    """Serve the champion of a home, without and with hostile clients."""
    with TemporaryDirectory() as folder, _slow_site() as slow, _served(home) as (url, process):
        song = make_song(music, Path(folder, "song.mp3"))
        good, hostile = _good_requests(song), _hostile_requests(slow)
        expected = _post(url, good[0])[1]
        _load(url, good, 2)  # what is loaded once is loaded
        before = process.memory_info().rss
        alone = _load(url, good)
        between = process.memory_info().rss
        with _attack(url, hostile) as answers:
            beside = _load(url, good)
        after = process.memory_info().rss
    say(_times("alone", alone))
    say(_times(f"beside {N_HOSTILE} hostile clients", beside))
    unexpected = Counter(answer for _, answer in alone + beside if answer != expected)
    say(f"unexpected answers to honest clients: {dict(unexpected)}")
    counts = Counter(answers).most_common()
    say("hostile: " + ", ".join(f"{n} x {answer}" for answer, n in counts))
    n_wrong = sum(answer != expected for _, answer in alone + beside) + answers.count(expected)
    slower = [_quantile(beside, nth) / _quantile(alone, nth) for nth in (50, 95)]
    sizes = "alone {:.0f} to {:.0f} MB, beside {:.0f} MB".format(
        *(size / 1e6 for size in (before, between, after))
    )
    return [
        Bar(name="serve, wrong answers", measured=n_wrong, bar=0, unit="", at_least=False,
            note=f"of {len(alone + beside)} to honest and {len(answers)} to hostile clients"),
        Bar(name="serve, median beside hostile clients", measured=slower[0], bar=SLOWER_BAR,
            unit="times", at_least=False),
        Bar(name="serve, 95 % beside hostile clients", measured=slower[1], bar=SLOWER_BAR,
            unit="times", at_least=False),
        Bar(name="serve, memory grown beside hostile clients", measured=(after - between) / 1e6,
            bar=GROWTH_BAR_MB, unit="MB", at_least=False, note=sizes),
    ]  # fmt: skip


def _times(what: str, answers: Sequence[Answer]) -> str:
    median, late = (1000 * _quantile(answers, nth) for nth in (50, 95))
    return f"{what}: {len(answers)} requests, median {median:.0f} ms, 95 % {late:.0f} ms"


def _quantile(answers: Sequence[Answer], nth: int) -> float:
    return quantiles([seconds for seconds, _ in answers], n=100)[nth - 1]


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


def _load(url: str, requests: Sequence[Request], n_each: int = N_EACH) -> list[Answer]:
    """Let the honest clients ask at the same time."""
    plan = list(islice(cycle(requests), n_each))
    with ThreadPoolExecutor(N_HONEST) as threads:
        found = threads.map(lambda _: [_post(url, one) for one in plan], range(N_HONEST))
        return [answer for answers in found for answer in answers]


@contextmanager
def _attack(url: str, requests: Sequence[Request]) -> Iterator[list[str]]:
    """Let hostile clients ask until the block ends; yield what they get."""
    answers: list[str] = []
    is_over = Event()

    def ask(first: int) -> None:
        port = urlsplit(url).port
        with socket.create_connection(("127.0.0.1", port)) as half:  # it never ends its request
            half.sendall(b"POST /invocations HTTP/1.1\r\nhost: a\r\ncontent-length: 99\r\n\r\n{")
            for request in islice(cycle(requests), first, None):
                if is_over.is_set():
                    return
                answers.append(_post(url, request, PATIENCE_S)[1])

    with ThreadPoolExecutor(N_HOSTILE) as threads:
        for nth in range(N_HOSTILE):
            threads.submit(ask, nth * len(requests) // N_HOSTILE)
        yield answers
        is_over.set()


def _post(url: str, request: Request, patience_s: float = 300) -> Answer:
    begun = time.perf_counter()
    body, kind = request
    try:
        answer = httpx.post(url, content=body, headers={"content-type": kind}, timeout=patience_s)
        rows = answer.json().get("predictions", [{}])
        genre = str(rows[0].get("genre") or rows[0].get("error") or answer.status_code)[:40]
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
        try:
            process.stdout.readline()
            yield f"http://127.0.0.1:{port}/invocations", psutil.Process(process.pid)
        finally:
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

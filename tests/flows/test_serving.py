"""The champion served over HTTP predicts what `genreflow classify` predicts, whoever asks."""

import base64
import functools
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from flows.settings import Settings
from storage.fetch.limits import DownloadLimits
from storage.models.requests import MAX_BODY_BYTES
from tasks.champion import load_classifier
from tasks.predict import classify_song
from tasks.serving import UNREADABLE, load_served, predict_rows
from tests.conftest import copy_home
from tests.flows.conftest import PROGRAM
from tests.flows.test_ui import free_port, group_members, read_until

pytestmark = [pytest.mark.flow, pytest.mark.keras]

ROOT = Path(__file__).resolve().parents[2]
SONG = "hums/song 0.wav"


class QuietHandler(SimpleHTTPRequestHandler):
    released = Event()  # ends what is slow

    def do_GET(self) -> None:
        if self.path != "/slow" or self.released.is_set():
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("content-length", "10000000")
        self.end_headers()
        with suppress(OSError):
            while not self.released.wait(0.1):
                self.wfile.write(b"x" * 1000)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(library: Path) -> Iterator[str]:
    QuietHandler.released.clear()
    handler = functools.partial(QuietHandler, directory=str(library))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def champion_address(finished: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server of the champion: one for all, because none may harm another."""
    layout = copy_home(finished.layout, tmp_path_factory.mktemp("served") / "home")
    port = free_port()
    environment = {
        **os.environ,
        "COLUMNS": "200",
        "PYTHONPATH": str(ROOT),
        "GENREFLOW_LIMITS__ALLOW_PRIVATE": "true",
    }
    with (layout.home / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [str(PROGRAM), "serve", "--home", str(layout.home), "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            env=environment,
        )
    with process:
        assert process.stdout is not None
        read_until(process.stdout, "Ctrl-C")
        yield f"http://127.0.0.1:{port}/invocations"
        process.send_signal(signal.SIGINT)
        process.wait(60)
        if group_members(process.pid):
            os.killpg(process.pid, signal.SIGKILL)


def ask(address: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    body = json.dumps({"dataframe_records": rows}).encode()
    request = Request(address, body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=120) as response:
        return json.load(response)["predictions"]


def test_a_path_an_address_and_base64_get_the_prediction_of_classify_and_a_bad_song_an_error(
    champion_address: str, finished: Settings, library: Path, site: str
) -> None:
    song = library / SONG
    audio = base64.b64encode(song.read_bytes()).decode()

    by_path, by_address, by_audio, broken, absent = ask(
        champion_address,
        {"song": str(song)},
        {"song": f"{site}/hums/song%200.wav"},
        {"audio_base64": audio},
        {"audio_base64": base64.b64encode(b"this is no music" * 100).decode()},
        {"song": str(library / "absent.wav")},
    )

    expected = classify_song(load_classifier(finished.layout), str(song))
    assert {result["champion"] for result in (by_path, absent)} == {expected.champion}
    for result in (by_path, by_address, by_audio):
        assert (result["genre"], result["error"]) == (expected.genre, "")
        assert result["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)
        assert result["confidence"] == pytest.approx(expected.confidence, abs=1e-6)
        assert (result["unknown"], result["alternatives"]) == (
            None,
            list(expected.alternatives or ()),
        )
    assert (broken["confidence"], absent["alternatives"]) == (None, None)
    assert broken["genre"] == absent["genre"] == ""
    assert broken["error"].startswith("the audio")
    assert absent["error"] == UNREADABLE


def test_a_client_that_waits_for_a_slow_address_and_bad_rows_harm_no_other(
    champion_address: str, library: Path, site: str, tmp_path: Path
) -> None:
    song, pipe = {"song": str(library / SONG)}, tmp_path / "pipe"
    os.mkfifo(pipe)
    bad = [f"{song['song']}\0", "\ud800", 7, [song], None, "x" * 9000, str(pipe), "/dev/zero"]
    slow = [{"song": f"{site}/slow"}] * 6
    with ThreadPoolExecutor(16) as threads:
        waiting = [threads.submit(ask, champion_address, *slow) for _ in range(12)]
        time.sleep(1)
        begun = time.monotonic()
        alone = ask(champion_address, song)
        beside = ask(champion_address, song, *({"song": each} for each in bad))
        took_s = time.monotonic() - begun
        n_waiting = sum(not answer.done() for answer in waiting)
        QuietHandler.released.set()

    assert n_waiting == 12
    assert took_s < 20
    assert (alone[0]["error"], beside[0]["error"]) == ("", "")
    assert all(row["error"] for row in beside[1:])


def test_large_requests_that_come_slowly_or_wait_for_an_address_harm_no_other(
    champion_address: str, library: Path, site: str
) -> None:
    host, port = urlsplit(champion_address).hostname, urlsplit(champion_address).port
    claim = f"POST /invocations HTTP/1.1\r\nhost: a\r\ncontent-length: {MAX_BODY_BYTES}\r\n\r\n"
    slow = {"song": f"{site}/slow", "note": "A" * (MAX_BODY_BYTES - 1000)}
    audio = base64.b64encode((library / SONG).read_bytes()).decode()
    with ExitStack() as stack:
        for _ in range(4):
            client = stack.enter_context(socket.create_connection((host, port)))
            client.sendall(claim.encode() + b" " * (MAX_BODY_BYTES // 2))
        threads = stack.enter_context(ThreadPoolExecutor(4))
        waiting = [threads.submit(ask, champion_address, slow) for _ in range(4)]
        time.sleep(2)
        begun = time.monotonic()
        (honest,) = ask(champion_address, {"audio_base64": audio, "note": "A" * (1 << 20)})
        took_s = time.monotonic() - begun
        n_waiting = sum(not answer.done() for answer in waiting)
        QuietHandler.released.set()

    assert honest["error"] == ""
    assert (took_s < 10, n_waiting) == (True, 4)


def refuse(address: str, body: bytes, kind: str = "application/json") -> tuple[int, str]:
    with pytest.raises(HTTPError) as failure:
        urlopen(Request(address, body, {"Content-Type": kind}), timeout=60)
    return failure.value.code, json.load(failure.value)["message"]


@pytest.mark.parametrize("rows", [[], [{}], [{"title": "a"}, {}]])
def test_a_request_without_a_song_is_refused(
    champion_address: str, rows: list[dict[str, str]]
) -> None:
    status, message = refuse(champion_address, json.dumps({"dataframe_records": rows}).encode())

    assert status == 422
    assert "`song`" in message


def test_a_request_that_is_too_large_is_refused_in_a_sentence(champion_address: str) -> None:
    large = refuse(champion_address, b" " * (2 * MAX_BODY_BYTES))
    many = refuse(champion_address, b"song\n" + b"a\n" * 101, "text/csv")

    assert large == (413, f"The request is larger than {MAX_BODY_BYTES} bytes.")
    assert many == (400, "The request has more than 100 rows. Send several requests.")


def test_a_stranger_cannot_have_a_private_address_asked(finished: Settings, site: str) -> None:
    limits = DownloadLimits(trust_named=False)

    (result,) = predict_rows(
        load_classifier(finished.layout), [{"song": f"{site}/hums/song%200.wav"}], limits
    )

    assert "127.0.0.1, no public address" in result["error"]


def test_an_answer_does_not_reveal_which_paths_there_are(
    finished: Settings, library: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.mp3"
    text.write_text("no song", "utf-8")
    paths = [text, tmp_path, tmp_path / "absent.wav", Path("/etc/passwd")]

    result = predict_rows(
        load_classifier(finished.layout), [{"song": str(path)} for path in paths], DownloadLimits()
    )

    assert [row["error"] for row in result] == [UNREADABLE] * 4


def test_a_served_model_that_was_never_promoted_has_version_0(finished: Settings) -> None:
    models = finished.layout.mlflow_artifacts / "models"

    versions = [load_served(folder / "artifacts").version for folder in models.iterdir()]

    champion = load_classifier(finished.layout).version
    assert sorted(versions) == [0] * (len(versions) - 1) + [champion]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({}, "Give either `song`"),
        ({"song": "a.wav", "audio_base64": "AAAA"}, "Give either `song`"),
        ({"audio_base64": "no base64!"}, "The audio is no base64"),
        ({"audio_base64": "A" * 200}, "larger than 100 bytes"),
        ({"song": "file:///etc/hostname"}, "not 'file'"),
        ({"song": f"http://songs.test/{'x' * 9000}"}, "longer than 8192 characters"),
    ],
)
def test_a_request_that_cannot_be_answered_gets_an_error(
    finished: Settings, row: dict[str, str], sentence: str
) -> None:
    (result,) = predict_rows(load_classifier(finished.layout), [row], DownloadLimits(max_bytes=100))

    assert result["genre"] == ""
    assert sentence in result["error"]

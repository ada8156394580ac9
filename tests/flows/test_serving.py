"""The champion served by MLflow over HTTP predicts what `genreflow classify` predicts."""

import base64
import functools
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import pytest

from flows.settings import Settings
from storage.fetch.download import DownloadLimits
from tasks.predict import classify_song, load_classifier
from tasks.serving import UNREADABLE, load_served, predict_rows
from tests.flows.conftest import PROGRAM
from tests.flows.test_ui import free_port, group_members, read_until

pytestmark = [pytest.mark.flow, pytest.mark.keras]

ROOT = Path(__file__).resolve().parents[2]
SONG = "hums/song 0.wav"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(library: Path) -> Iterator[str]:
    handler = functools.partial(QuietHandler, directory=str(library))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def champion_address(finished_copy: Settings) -> Iterator[str]:
    port = free_port()
    environment = {
        **os.environ,
        "COLUMNS": "200",
        "PYTHONPATH": str(ROOT),
        "GENREFLOW_LIMITS__ALLOW_PRIVATE": "true",
    }
    with (finished_copy.home / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [str(PROGRAM), "serve", "--home", str(finished_copy.home), "--port", str(port)],
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


def ask(address: str, *rows: dict[str, str]) -> list[dict[str, Any]]:
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
    assert {said["champion"] for said in (by_path, absent)} == {expected.champion}
    for said in (by_path, by_address, by_audio):
        assert (said["genre"], said["error"]) == (expected.genre, "")
        assert said["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)
        assert said["confidence"] == pytest.approx(expected.confidence, abs=1e-6)
        assert (said["unknown"], said["alternatives"]) == (None, list(expected.alternatives or ()))
    assert (broken["confidence"], absent["alternatives"]) == (None, None)
    assert broken["genre"] == absent["genre"] == ""
    assert broken["error"].startswith("the audio")
    assert absent["error"] == UNREADABLE


def test_a_stranger_cannot_have_a_private_address_asked(finished: Settings, site: str) -> None:
    limits = DownloadLimits(trust_named=False)

    (said,) = predict_rows(
        load_classifier(finished.layout), [{"song": f"{site}/hums/song%200.wav"}], limits
    )

    assert "127.0.0.1, no public address" in said["error"]


def test_an_answer_does_not_reveal_which_paths_there_are(
    finished: Settings, library: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.mp3"
    text.write_text("no song", "utf-8")
    paths = [text, tmp_path, tmp_path / "absent.wav", Path("/etc/passwd")]

    said = predict_rows(
        load_classifier(finished.layout), [{"song": str(path)} for path in paths], DownloadLimits()
    )

    assert [row["error"] for row in said] == [UNREADABLE] * 4


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
    ],
)
def test_a_request_that_cannot_be_answered_gets_an_error(
    finished: Settings, row: dict[str, str], sentence: str
) -> None:
    (said,) = predict_rows(load_classifier(finished.layout), [row], DownloadLimits(max_bytes=100))

    assert said["genre"] == ""
    assert sentence in said["error"]

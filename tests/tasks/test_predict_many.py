"""Many songs are predicted in processes: the same, in order, whatever becomes of a process."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from flows.settings import Settings
from tasks.predict_many import FEW, classify_each

pytestmark = [pytest.mark.flow, pytest.mark.keras]
LAST_S = 30
COMMAND = "from flows.cli.start import main; main()"


@pytest.fixture
def songs(library: Path) -> list[str]:
    """Songs that can be predicted and songs that cannot, in an order of their own."""
    names = ("hums/song 0.wav", "hums/broken.mp3", "clicks/song 1.flac", "gone.mp3")
    return [str(library / name) for name in (*names, "hiss/silent.wav", "hiss/song 2.mp3")]


@pytest.fixture
def mute_server() -> Iterator[socket.socket]:
    """A server that never answers: who fetches a song of it waits."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LAST_S)
        yield server


def address(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}/song.mp3"


def next_client(server: socket.socket) -> psutil.Process:
    """Return the process of the next client, which waits from now on."""
    connection, (_, port) = server.accept()
    connection.detach()
    here = psutil.Process()
    (client,) = (
        process
        for process in here.children(recursive=True)
        if any(used.laddr.port == port for used in process.net_connections("tcp"))
    )
    return client


def test_the_predictions_are_the_same_for_any_number_of_processes(
    finished: Settings, songs: list[str]
) -> None:
    alone = list(classify_each(finished.layout, songs, n_processes=1))

    side_by_side = list(classify_each(finished.layout, songs, n_processes=3))

    assert [found.song for found in side_by_side] == songs
    assert [bool(found.error) for found in side_by_side] == [False, True, False, True, True, False]
    assert side_by_side == alone


def test_a_song_whose_process_dies_is_an_error_and_the_others_are_predicted(
    finished: Settings, songs: list[str], mute_server: socket.socket
) -> None:
    good = [songs[0], songs[2], songs[5]]

    with ThreadPoolExecutor(1) as killer:
        killer.submit(lambda: next_client(mute_server).kill())
        found = list(
            classify_each(finished.layout, [good[0], address(mute_server), *good], n_processes=2)
        )

    assert [prediction.error for prediction in found if prediction.genre] == [""] * 4
    assert found[1].song == address(mute_server)
    assert f"{found[1].song}: the program ended on it" in found[1].error
    assert found[1].champion == 1


def test_a_failure_that_nobody_foresaw_is_logged_by_the_command(
    finished: Settings, songs: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    found = list(classify_each(finished.layout, [songs[0], "a\0b.mp3"], n_processes=2))

    assert "the program failed on it: ValueError" in found[1].error
    assert "Traceback" in caplog.text


def test_ctrl_c_ends_the_command_and_its_processes(
    finished: Settings, mute_server: socket.socket
) -> None:
    words = ["classify", *[address(mute_server)] * (FEW + 1), "--home", str(finished.home)]
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as command:
        next_client(mute_server)
        workers = psutil.Process(command.pid).children(recursive=True)

        os.killpg(command.pid, signal.SIGINT)

        errors = command.communicate(timeout=LAST_S)[1]
    assert command.returncode == 130
    assert "Stopped." in errors
    assert workers
    assert psutil.wait_procs(workers, LAST_S)[1] == []

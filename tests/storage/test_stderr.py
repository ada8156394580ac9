"""Writing to file descriptor 2 is silenced and comes back, also where threads do so at once."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.stderr import silent_stderr


def test_what_is_written_meanwhile_is_not_seen(capfd: pytest.CaptureFixture[str]) -> None:
    with silent_stderr():
        os.write(2, b"hidden")
    os.write(2, b"seen")

    assert capfd.readouterr().err == "seen"


def test_it_comes_back_after_threads_that_overlap(capfd: pytest.CaptureFixture[str]) -> None:
    def be_silent(seconds: float) -> None:
        with silent_stderr():
            os.write(2, b"hidden")
            time.sleep(seconds)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(be_silent, [0.02, 0.05, 0.02, 0.05]))
    os.write(2, b"seen")

    assert capfd.readouterr().err == "seen"

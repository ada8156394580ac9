"""A song that kills the process that reads it is isolated the next time, and kills nothing more."""

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Reason
from storage.audio import isolated
from storage.audio.isolated import read_guarded
from storage.audio.probe import probe_audio
from storage.home import DataLayout

_DIE = """
import os, signal, sys
from pathlib import Path
from storage.audio.isolated import read_guarded
from storage.home import DataLayout

read_guarded(DataLayout(Path(sys.argv[1])), "3f9a", os.kill, os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    """A home in which a process has died while it read the song 3f9a."""
    died = subprocess.run([sys.executable, "-c", _DIE, str(tmp_path)], check=False)
    assert died.returncode == -signal.SIGKILL
    return DataLayout(tmp_path)


def notes(layout: DataLayout) -> list[str]:
    return [path.name for path in layout.suspects.iterdir()]


def test_a_song_that_nothing_has_died_on_is_read_here(tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)

    assert read_guarded(layout, "3f9a", os.getpid) == os.getpid()

    assert notes(layout) == []


def test_a_song_that_a_process_died_on_is_read_in_isolation(layout: DataLayout) -> None:
    assert len(notes(layout)) == 1

    assert read_guarded(layout, "3f9a", os.getpid) != os.getpid()
    assert read_guarded(layout, "c0de", os.getpid) == os.getpid()

    assert notes(layout) == []


def fill_memory() -> None:
    raise MemoryError


def test_a_song_that_takes_all_memory_is_isolated_by_the_next_run(layout: DataLayout) -> None:
    with pytest.raises(TransientError, match="more memory than there is"):
        read_guarded(layout, "c0de", fill_memory)

    assert [name[:4] for name in notes(layout) if name.startswith("c0de")] == ["c0de"]


def test_a_suspect_song_keeps_its_rejection(layout: DataLayout, tmp_path: Path) -> None:
    with pytest.raises(TrackRejected, match=r"none\.mp3 does not exist") as rejection:
        read_guarded(layout, "3f9a", probe_audio, tmp_path / "none.mp3")

    assert rejection.value.reason == Reason.NOT_FOUND


def test_a_song_that_kills_again_or_takes_too_long_is_undecodable_and_stays_noted(
    layout: DataLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TrackRejected, match="3f9a kills its process") as killed:
        read_guarded(layout, "3f9a", signal.raise_signal, signal.SIGSEGV)
    monkeypatch.setattr(isolated, "TIME_LIMIT_S", 0.2)
    with pytest.raises(TrackRejected, match=r"takes longer than 0\.2 s") as stopped:
        read_guarded(layout, "3f9a", signal.pause)

    assert killed.value.reason == stopped.value.reason == Reason.UNDECODABLE
    assert len(notes(layout)) == 1


def test_a_suspect_song_on_which_the_program_fails_is_not_rejected(layout: DataLayout) -> None:
    with pytest.raises(RuntimeError, match="ValueError: math domain error"):
        read_guarded(layout, "3f9a", math.sqrt, -1.0)

    assert notes(layout) == []


def test_a_suspect_song_that_takes_too_much_memory_is_undecodable(layout: DataLayout) -> None:
    with pytest.raises(TrackRejected, match="takes more than 2048 MiB of memory") as rejection:
        read_guarded(layout, "3f9a", bytes, 3 << 30)

    assert rejection.value.reason == Reason.UNDECODABLE

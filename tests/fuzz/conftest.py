"""Songs, manifests, archives and settings to spoil, and the process that takes them."""

import csv
import json
import os
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import soundfile

from storage.files import digest_file
from tests.shared import run_ffmpeg

PROJECT = Path(__file__).parents[2]
LONGEST_S = 20.0

SONGS = {
    "cbr.mp3": ("-b:a", "64k"),
    "vbr.mp3": ("-q:a", "6", "-id3v2_version", "3", "-metadata", "title=Fuzz"),
    "song.ogg": ("-c:a", "libvorbis"),
    "song.opus": ("-c:a", "libopus"),
    "song.flac": (),
    "index.m4a": ("-c:a", "aac", "-movflags", "faststart"),
    "song.m4a": ("-c:a", "alac"),
    "song.wav": (),
    "float.wav": ("-c:a", "pcm_f32le"),
}
ARCHIVE = "".join(f"{site} id-{n}\n" for n, site in enumerate(("youtube", "Bandcamp", "vimeo")))
SETTINGS = """\
music = "/music/é"
fragment_lengths_s = [1.0, 2.5]
networks = ["dense", "cnn"]

[fragments]
n_fragments = 3
margin_s = 0.5

[training]
max_epochs = 2
"""
ROWS = [
    {"path": f"song {number}.mp3", "genre": "jazz", "artist": "Ada", "title": 'the "first", 歌'}
    for number in range(3)
]


class Taker:
    """A process that takes files; one that dies or hangs is counted and started anew."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.outcomes: Counter[str] = Counter()
        self.failures: list[str] = []
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def take(self, kind: str, name: str, content: bytes) -> str:
        """Return a file to the process; return the outcome."""
        path = self._folder / "inbox" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        outcome = self._ask({"kind": kind, "path": str(path), "home": str(self.home)})
        self.outcomes[outcome.split(":")[0]] += 1
        if outcome.startswith(("failed", "crashed", "hung")):
            self._keep(path, outcome)
        return outcome

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def digests(self) -> dict[str, str]:
        """Return the digest of each file in the home and of what was left outside of it."""
        files = [path for path in self._folder.rglob("*") if path.is_file()]
        inbox, failures = self._folder / "inbox", self._folder / "failures"
        kept = [p for p in files if not p.is_relative_to(inbox) and p.parent != failures]
        return {str(path): digest_file(path) for path in kept}

    def _ask(self, order: dict[str, str]) -> str:
        process = self._process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], LONGEST_S)
        answer = process.stdout.readline() if ready else ""
        if answer:
            return json.loads(answer)
        failure = f"crashed: status {process.wait()}" if ready else f"hung: over {LONGEST_S:g} s"
        self.close()
        return failure

    def _start(self) -> subprocess.Popen[str]:
        self._folder.joinpath("work").mkdir(exist_ok=True)
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self._folder / "work",
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
        )

    def _keep(self, path: Path, outcome: str) -> None:
        """Keep a file that failed, to be examined."""
        kept = self._folder / "failures" / f"{len(self.failures)} {path.name}"
        kept.parent.mkdir(exist_ok=True)
        kept.write_bytes(path.read_bytes())
        self.failures.append(f"{kept}: {outcome}")


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Three seconds of a sweep in each format."""
    folder = tmp_path_factory.mktemp("songs")
    time_s = np.arange(3 * 44_100) / 44_100
    sweep = np.stack([np.sin(2 * np.pi * (f * time_s + 50 * time_s**2)) for f in (200, 310)])
    soundfile.write(folder / "sweep.wav", 0.3 * sweep.T, 44_100)
    for name, options in SONGS.items():
        run_ffmpeg("-i", folder / "sweep.wav", *options, folder / name)
    return {name: (folder / name).read_bytes() for name in SONGS}


@pytest.fixture(scope="session")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The same three rows in each form of a manifest."""
    folder = tmp_path_factory.mktemp("manifests")
    for name, mark in (("songs.csv", ","), ("songs.tsv", "\t")):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(ROWS[0]), delimiter=mark)
            writer.writeheader()
            writer.writerows(ROWS)
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    (folder / "songs.jsonl").write_text("\n".join(lines), "utf-8")
    pa.parquet.write_table(pa.Table.from_pylist(ROWS), folder / "songs.parquet")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="session")
def other_song(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A song that no change of the others leads to."""
    path = tmp_path_factory.mktemp("other") / "other.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.3, 0.3, 44_100), 44_100)
    return path.read_bytes()


@pytest.fixture(scope="session")
def archives() -> dict[str, bytes]:
    """A download archive of yt-dlp."""
    return {"archive.txt": ARCHIVE.encode()}


@pytest.fixture(scope="session")
def settings_files() -> dict[str, bytes]:
    """A file of settings."""
    return {"genreflow.toml": SETTINGS.encode()}


@pytest.fixture
def taker(tmp_path: Path) -> Iterator[Taker]:
    taker = Taker(tmp_path)
    yield taker
    taker.close()

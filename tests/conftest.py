"""A small library that a machine can tell apart, and one finished store that many tests read."""

import csv
import gc
import os
import pickle
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from flows.environment import QUIET
from flows.settings import Settings
from genre_core.audit.rules import AuditConfig
from genre_core.examples import Float32Array
from genre_core.signal.fragments import FragmentConfig
from genre_core.training.rules import TrainingConfig
from storage.home import DataLayout
from tasks.direct import CHOSEN
from tests.shared import Shared, run_ffmpeg

if TYPE_CHECKING:
    from flows.nightly import NightlyReport

ROOT = Path(__file__).parent
# one of two processes kills runs and ingests while the other makes the night that both need then
FIRST = (
    *("crash/test_kills.py", "flows/test_nightly.py", "flows/test_ingest", "flows/test_nights"),
    *("crash/test_readers.py", "flows/test_heads.py", "flows", "tasks", "storage"),
    *("genre_core/test_training", "demo", ""),
)

STATE = tempfile.mkdtemp(prefix="genreflow-tests-prefect-")
# what no test of flows asks a server for, and what takes it half of its time
IDLE_SERVICES = {
    f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false"
    for name in (
        *("TASK_RUN_RECORDER", "EVENT_PERSISTER", "TRIGGERS", "SCHEDULER", "LATE_RUNS", "FOREMAN"),
        *("CANCELLATION_CLEANUP", "PAUSE_EXPIRATIONS", "REPOSSESSOR", "CLEANUP_RECONCILER"),
    )
}
PREFECT = {
    "PREFECT_HOME": STATE,
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
}
# read when Prefect, MLflow and TensorFlow are imported, which only tests and fixtures do
os.environ.update({**QUIET, **PREFECT, **IDLE_SERVICES})
# a worker of xdist has a width of 80 columns, which a console keeps that is made at its import
for variable in [name for name in os.environ if name.startswith("GENREFLOW_") or name == "COLUMNS"]:
    del os.environ[variable]

# a million objects of libraries stay anyway: a search for garbage among them takes 0.3 s
gc.set_threshold(50_000, 20, 100)

SAMPLE_RATE = 44_100
SONG_S = 5.0
# two songs of the first artist, one of each other: four artists may go to train
ARTISTS = ("Ada", "Ada", "Bach", "Clara", "Dora", "Emil")
SUFFIXES = (".wav", ".flac", ".mp3")
SERVER_START_S = 180

Sound = Callable[[np.random.Generator, Float32Array], Float32Array]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: two processes take one after the other."""
    items.sort(key=lambda item: _place(item.path.relative_to(ROOT).as_posix()))


def _place(file: str) -> int:
    return next(place for place, beginning in enumerate(FIRST) if file.startswith(beginning))


def pytest_sessionfinish() -> None:
    """Throw away what Prefect has written beside the temporary folders of the tests."""
    shutil.rmtree(STATE, ignore_errors=True)


def hum(rng: np.random.Generator, time_s: Float32Array) -> Float32Array:
    """A few low tones."""
    tones_hz = rng.uniform(60, 220, 3)
    return sum(np.sin(2 * np.pi * tone_hz * time_s) for tone_hz in tones_hz) / 4


def hiss(rng: np.random.Generator, time_s: Float32Array) -> Float32Array:
    """White noise that swells."""
    return rng.normal(0, 0.15, len(time_s)) * (1.2 + np.sin(2 * np.pi * 0.7 * time_s))


def click(rng: np.random.Generator, time_s: Float32Array) -> Float32Array:
    """Short, high pings in a steady beat."""
    beat_s = rng.uniform(0.2, 0.35)
    return 0.7 * np.exp(-60 * (time_s % beat_s)) * np.sin(2 * np.pi * 2500 * time_s)


SOUNDS: dict[str, Sound] = {"clicks": click, "hiss": hiss, "hums": hum}


def write_song(path: Path, sound: Sound, seed: int, duration_s: float = SONG_S) -> Path:
    """Write a song; the same seed gives the same file."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound(rng, time_s), SAMPLE_RATE)
    return path


def chords(rng: np.random.Generator, time_s: Float32Array) -> Float32Array:
    """Three tones with overtones, each beat another chord, and some noise: it can be recognised."""
    beat = np.arange(round(rng.uniform(0.25, 0.5) * SAMPLE_RATE)) / SAMPLE_RATE
    beats = []
    for _ in range(len(time_s) // len(beat) + 1):
        tones_hz = 110 * 2 ** (rng.integers(0, 36, 3) / 12)
        tones = [np.sin(2 * np.pi * k * f * beat) / k for f in tones_hz for k in (1, 2, 3)]
        beats.append(np.exp(-4 * beat / beat[-1]) * sum(tones) / 6)
    song = np.concatenate(beats)[: len(time_s)]
    return 0.4 * song + 0.02 * rng.standard_normal(len(song))


def encode(song: Path, target: Path, *options: str, start_s: float = 0.0) -> Path:
    """Encode a song anew with the packaged ffmpeg, from a second on."""
    run_ffmpeg("-ss", str(start_s), "-i", song, *options, target)
    return target


def _songs(folder: Path) -> Iterator[dict[str, str]]:
    for genre, sound in SOUNDS.items():
        for number, artist in enumerate(ARTISTS):
            name = f"{genre}/song {number}{SUFFIXES[number % len(SUFFIXES)]}"
            write_song(folder / name, sound, seed=100 * len(genre) + number)
            yield {"path": name, "genre": genre, "artist": f"{artist} {genre}", "title": name}


def _faulty_songs(folder: Path) -> Iterator[dict[str, str]]:
    shutil.copy(folder / "hums" / "song 0.wav", folder / "hums" / "the same again.wav")
    (folder / "hums" / "broken.mp3").write_bytes(b"this is no music" * 100)
    write_song(folder / "hiss" / "short.wav", hiss, seed=1, duration_s=2.0)
    write_song(folder / "hiss" / "silent.wav", lambda _rng, time_s: np.zeros(len(time_s)), seed=2)
    for name in ("hums/the same again.wav", "hums/broken.mp3", "hums/gone.wav"):
        yield {"path": name, "genre": "hums", "artist": "", "title": ""}
    for name in ("hiss/short.wav", "hiss/silent.wav"):
        yield {"path": name, "genre": "hiss", "artist": "", "title": ""}


def write_manifest(folder: Path, rows: list[dict[str, str]]) -> Path:
    """Write the rows as the ``manifest.csv`` of a folder."""
    manifest = folder / "manifest.csv"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["path", "genre", "artist", "title"])
        writer.writeheader()
        writer.writerows(rows)
    return manifest


def write_library(folder: Path) -> Path:
    """Write the small library with its manifest."""
    write_manifest(folder, [*_songs(folder), *_faulty_songs(folder)])
    return folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Shared:
    """What is made once for all processes of the session, or of all sessions of ``make test``."""
    own = tmp_path_factory.getbasetemp()
    beside = (own if worker_id == "master" else own.parent) / "shared"
    folder = Path(os.environ.get("_GENREFLOW_SHARED", beside))
    folder.mkdir(exist_ok=True)
    return Shared(folder)


@pytest.fixture(scope="session")
def library(shared: Shared) -> Path:
    """18 songs of three genres, a copy, and four songs that cannot be used; with a manifest."""
    return shared.once("library", write_library)


@pytest.fixture(scope="session")
def recordings(shared: Shared) -> Path:
    """One recording in five files, without loss in the last by name, and another song."""
    return shared.once("recordings", write_recordings)


def write_recordings(folder: Path) -> None:
    """Write one recording in five files, and another song."""
    song = write_song(folder / "e lossless.flac", chords, seed=1, duration_s=30.0)
    write_song(folder / "another.flac", chords, seed=2, duration_s=30.0)
    encode(song, folder / "a 64.mp3", "-b:a", "64k")
    encode(song, folder / "b 192.mp3", "-b:a", "192k")
    encode(song, folder / "c 96.m4a", "-c:a", "aac", "-b:a", "96k")
    encode(song, folder / "d cut.mp3", "-b:a", "128k", start_s=5.0)


@pytest.fixture(scope="session")
def small_config(library: Path) -> Settings:
    """Two networks, two lengths, three fragments a song: a comparison in seconds."""
    return Settings(
        home=Path("nowhere"),
        music=str(library),
        fragments=FragmentConfig(
            protocol="thesis", n_fragments=3, longest_s=1.5, margin_s=0.5, min_track_s=4.0
        ),
        fragment_lengths_s=(1.0, 1.5),
        networks=("dense", "cnn"),
        training=TrainingConfig(max_epochs=3),
        audit=AuditConfig(n_draws=1, n_folds=2, max_epochs=2),
    )


@pytest.fixture
def config(small_config: Settings, tmp_path: Path) -> Settings:
    """The small comparison over the small library, in a new home."""
    return replace(small_config, home=tmp_path / "home")


@pytest.fixture
def layout(config: Settings) -> DataLayout:
    return config.layout


@pytest.fixture(scope="session")
def prefect_server(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One temporary Prefect server for this process, on a copy of the migrated database.

    None where flows run without it.
    """
    if CHOSEN in os.environ:
        yield
        return
    from prefect.testing import utilities
    from sqlalchemy.orm import configure_mappers

    folder = tmp_path_factory.mktemp("prefect")
    shutil.copy(shared.prefect_database(), folder / "prefect-test.db")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(utilities, "mkdtemp", lambda: str(folder))
        stack.enter_context(utilities.prefect_test_harness(SERVER_START_S))
        with warnings.catch_warnings():
            # Prefect's own tables lack what SQLAlchemy is to require; MLflow, too, maps them all
            warnings.filterwarnings("ignore", "Type object <class 'prefect", DeprecationWarning)
            configure_mappers()
        yield


@pytest.fixture(scope="session")
def tracking_tables(shared: Shared) -> Path:
    """MLflow's SQLite database with its tables and nothing in them; to be copied."""
    return shared.once("tracking", _make_tracking_tables) / "mlflow.db"


def _make_tracking_tables(home: Path) -> None:
    from storage.models.store import open_tracking

    layout = DataLayout(home)
    open_tracking(layout)
    with sqlite3.connect(layout.mlflow_db) as connection:
        connection.execute("delete from experiment_tags")
        connection.execute("delete from experiments")
    connection.close()


@pytest.fixture(scope="session")
def new_home(
    tracking_tables: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Make a home in which MLflow need not create its tables, which takes seconds."""

    def make(name: str) -> Path:
        home = tmp_path_factory.mktemp(name) / "home"
        home.mkdir()
        shutil.copy(tracking_tables, DataLayout(home).mlflow_db)
        return home

    return make


@pytest.fixture(scope="session")
def first_night(
    prefect_server: None,
    small_config: Settings,
    shared: Shared,
    tracking_tables: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Settings, "NightlyReport"]:
    """One real night, run once a session and copied by each process; its home is only read."""
    own = tmp_path_factory.mktemp("night") / "home"
    return spend_night(shared, "night", small_config, tracking_tables, own)


@pytest.fixture(scope="session")
def head_night(
    prefect_server: None,
    small_config: Settings,
    shared: Shared,
    tracking_tables: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Settings, "NightlyReport"]:
    """A night that compares both heads with a dense network; its home is only read."""
    config = replace(
        small_config,
        representations=("musicnn", "thesis"),
        networks=("head", "head_no_prior", "dense"),
        fragment_lengths_s=(1.0,),
    )
    own = tmp_path_factory.mktemp("heads") / "home"
    return spend_night(shared, "heads", config, tracking_tables, own)


def spend_night(
    shared: Shared, name: str, config: Settings, tracking_tables: Path, own: Path
) -> tuple[Settings, "NightlyReport"]:
    """Run a night once a session; return settings of an own copy of its home, and its report."""

    def run(folder: Path) -> None:
        from flows.nightly import nightly

        made = replace(config, home=folder / "home")
        made.home.mkdir(parents=True)
        shutil.copy(tracking_tables, made.layout.mlflow_db)
        report = nightly(made)
        (folder / "report").write_bytes(pickle.dumps(report))

    night = shared.once(name, run)
    copied = copy_home(replace(config, home=night / "home").layout, own)
    return replace(config, home=copied.home), pickle.loads((night / "report").read_bytes())


@pytest.fixture(scope="session")
def finished(first_night: tuple[Settings, "NightlyReport"]) -> Settings:
    """The settings of a finished store, to be read only."""
    return first_night[0]


@pytest.fixture
def finished_copy(finished: Settings, tmp_path: Path) -> Settings:
    """A copy of the finished store that a test may write into."""
    return replace(finished, home=copy_home(finished.layout, tmp_path / "copy").home)


def copy_home(layout: DataLayout, home: Path) -> DataLayout:
    """Copy a home whose store a test may read and write."""
    from storage.catalog.publish import publish

    copied = replace(layout, home=home)
    shutil.copytree(layout.home, home)
    publish(copied)
    return copied

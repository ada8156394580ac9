"""Homes for benchmarks: songs in the store and in the catalog, as ingest leaves them.

Fingerprints are left out: made songs share pieces, and what is measured comes after them.
"""

import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from genre_core.records import Outcome, Result, Source, Stage, Track
from storage.catalog.connection import open_catalog
from storage.catalog.songs import record_songs
from storage.fetch.download import DownloadLimits, fetch_song
from storage.home import DataLayout
from storage.sources.identity import identify

N_THREADS = os.cpu_count() or 2
_THESIS = '["thesis"]'
_PATIENCE = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"


def stock_home(home: Path, songs: Sequence[Path]) -> list[Track]:
    """Put songs into the store and the catalog of a new home; nothing is extracted yet."""
    layout = DataLayout(home)
    with ThreadPoolExecutor(N_THREADS) as pool:
        tracks = list(pool.map(lambda song: _fetch(layout, song), songs))
    record_tracks(layout, tracks)
    return tracks


def record_tracks(layout: DataLayout, tracks: Sequence[Track]) -> None:
    """Name tracks in the catalog, each with the outcome that ingest gives."""
    with open_catalog(layout) as catalog:
        record_songs(catalog, tracks, [_outcome(track) for track in tracks])


def repeat_tracks(home: Path, tracks: Sequence[Track], store: DataLayout, n_tracks: int) -> None:
    """Fill a new home with tracks whose files are links to some real ones.

    Each has an id of its own, so its fragments are drawn at other places.
    """
    layout, repeated = DataLayout(home), []
    for nth in range(n_tracks):
        track = tracks[nth % len(tracks)]
        track_id = hashlib.sha256(f"{nth} {track.track_id}".encode()).hexdigest()
        place = layout.song(track_id, track.suffix)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.hardlink_to(store.song(track.track_id, track.suffix))
        repeated.append(
            replace(
                track, track_id=track_id, packets_id=track_id, location=f"/made/{nth}{track.suffix}"
            )
        )
    record_tracks(layout, repeated)


def installed_environment() -> dict[str, str]:
    """Return the environment of a process that keeps compiled modules, as an installation does.

    Without them a command takes a second more, all of it Python's compiler.
    """
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        environment["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir(), "genreflow-bytecode"))
    return environment


def fresh(folder: Path) -> Path:
    """Return an empty folder of this name."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def bare_prefect_s() -> float:
    """Time a process that runs a Prefect flow which does nothing."""
    code = "from prefect import flow\n@flow\ndef nothing():\n    pass\nnothing()"
    with tempfile.TemporaryDirectory() as home:
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            env={**os.environ, "PREFECT_HOME": home, _PATIENCE: "120"},
        )
        return time.perf_counter() - begin


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUp:
    """Seconds that `extract` takes where there is nothing to do.

    ``new_s`` is that of a new home, ``used_s`` of any other; neither has songs.
    """

    new_s: float
    used_s: float


def measure_start_up(work: Path) -> StartUp:
    """Time `extract` on empty homes, new and used, the median of three each."""
    new_s, used_s = [], []
    for _ in range(3):
        home = fresh(work / "empty")
        record_tracks(DataLayout(home), [])
        new_s.append(run_command(home, "extract")[0])
        used_s.append(run_command(home, "extract")[0])
    return StartUp(new_s=statistics.median(new_s), used_s=statistics.median(used_s))


def run_command(home: Path, *words: str) -> tuple[float, float, str]:
    """Run genreflow on spectrograms alone; give wall and CPU seconds and what it printed.

    What it is compared with computes no embedding, which would take most of the time.
    """
    begin, spent = time.perf_counter(), _children_s()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from flows.cli.start import main; main()",
            *words,
            "--home",
            str(home),
        ],
        capture_output=True,
        text=True,
        env={**installed_environment(), "GENREFLOW_REPRESENTATIONS": _THESIS},
    )
    if done.returncode:
        raise SystemExit(f"genreflow {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - begin, _children_s() - spent, done.stdout


def _outcome(track: Track) -> Outcome:
    return Outcome(
        location=track.location,
        genre=track.genre,
        result=Result.OK,
        stage=Stage.DOWNLOAD,
        track_id=track.track_id,
    )


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _fetch(layout: DataLayout, song: Path) -> Track:
    source = identify(Source(location=str(song), genre=song.parent.name))
    return fetch_song(source, layout, DownloadLimits())

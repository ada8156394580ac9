"""Chunks on worker processes: the same matrices as on threads, and a dead worker loses nothing."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask
import pytest

from flows.engine import RunnerConfig
from flows.settings import Settings
from genre_core.errors import TransientError
from storage.catalog.query import query_rows
from tests.conftest import SOUNDS, write_manifest, write_song
from tests.flows import dying_worker

pytestmark = [
    pytest.mark.long,
    pytest.mark.flow,
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.prefect,
]

ROOT = str(Path(__file__).parents[2])
TWO_PROCESSES = RunnerConfig(kind="dask", workers=2)
EXAMPLES = 'select track_id, fragment, start_s, "values" from spectrograms order by all'


@pytest.fixture(autouse=True)
def workers_find_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let worker processes, which look for modules where this one does, load `dying_worker`."""
    monkeypatch.syspath_prepend(ROOT)


@pytest.fixture(scope="module")
def few_songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine songs of three genres, with a manifest."""
    folder = tmp_path_factory.mktemp("few")
    names = [(f"{genre}/{number}.wav", genre) for genre in SOUNDS for number in range(3)]
    for seed, (name, genre) in enumerate(names):
        write_song(folder / name, SOUNDS[genre], seed)
    rows = [{"path": p, "genre": g, "artist": "", "title": p} for p, g in names]
    write_manifest(folder, rows)
    return folder


@pytest.fixture(scope="module")
def ingested(
    prefect_server: None,
    small_config: Settings,
    few_songs: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    """The nine songs, fetched by two worker processes; each test extracts from a copy."""
    from flows.ingest import ingest

    home = tmp_path_factory.mktemp("ingested") / "home"
    lengths_s = (1.0,)
    config = replace(
        small_config,
        home=home,
        music=str(few_songs),
        fragment_lengths_s=lengths_s,
        runner=TWO_PROCESSES,
    )
    assert ingest(config).outcomes["ok"] == 9
    return config


@pytest.fixture
def config(ingested: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(ingested.home, tmp_path / "home")
    return replace(ingested, home=tmp_path / "home")


@pytest.fixture(scope="module")
def on_threads(
    ingested: Settings, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """The examples that threads make of the nine songs."""
    from flows.extract import extract

    home = tmp_path_factory.mktemp("threads") / "home"
    shutil.copytree(ingested.home, home)
    config = replace(ingested, home=home, runner=RunnerConfig())
    extract(config)
    rows = query_rows(config.layout, EXAMPLES)
    assert len(rows) == 9 * 3
    return rows


@pytest.fixture
def death(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A note that appears when a worker has been killed while it read the first of two songs."""
    monkeypatch.setenv(dying_worker.PLACE, str(tmp_path / "died"))
    return tmp_path / "died"


def test_the_workers_of_a_cluster_that_is_named_give_the_bytes_that_threads_give(
    config: Settings, on_threads: list[dict[str, Any]]
) -> None:
    from distributed import LocalCluster

    from flows.extract import extract

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        named = RunnerConfig(kind="dask", address=cluster.scheduler_address, workers=2)
        report = extract(replace(config, runner=named))

    assert report.outcomes == {"ok": 9, "duplicate": 0, "quarantined": 0, "retryable": 0}
    assert query_rows(config.layout, EXAMPLES) == on_threads


def test_the_chunk_of_a_worker_that_is_killed_is_done_by_another(
    config: Settings, on_threads: list[dict[str, Any]], death: Path
) -> None:
    from flows.extract import extract

    with dask.config.set({"distributed.worker.preload": [dying_worker.__file__]}):
        report = extract(config)

    assert death.exists()
    assert report.outcomes == {"ok": 9, "duplicate": 0, "quarantined": 0, "retryable": 0}
    assert query_rows(config.layout, EXAMPLES) == on_threads
    assert list(config.layout.suspects.iterdir()) == []


def test_a_chunk_that_dask_gives_up_is_done_by_the_next_run(
    config: Settings, on_threads: list[dict[str, Any]], death: Path
) -> None:
    from flows.extract import extract

    never_again = {"distributed.scheduler.allowed-failures": 0}
    with dask.config.set({"distributed.worker.preload": [dying_worker.__file__], **never_again}):
        first = extract(config)
    second = extract(replace(config, runner=RunnerConfig()))

    assert death.exists()
    assert first.outcomes["retryable"] > 0
    assert first.outcomes["ok"] + first.outcomes["retryable"] == 9
    assert second.n_tracks == first.outcomes["retryable"]
    assert query_rows(config.layout, EXAMPLES) == on_threads


def test_a_cluster_that_is_gone_is_named_unless_nothing_waits_for_it(config: Settings) -> None:
    from flows.extract import extract
    from flows.ingest import ingest

    extract(replace(config, runner=RunnerConfig()))
    nowhere = replace(config, runner=RunnerConfig(kind="dask", address="tcp://127.0.0.1:9"))

    sentence = r"cluster at tcp://127\.0\.0\.1:9 does not answer"
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        with pytest.raises(TransientError, match=sentence):
            extract(replace(nowhere, fragment_lengths_s=(0.5,)))
        ingested, extracted = ingest(nowhere), extract(nowhere)

    assert (ingested.n_new, extracted.n_tracks) == (0, 0)
    assert extracted.outcomes["ok"] == 9

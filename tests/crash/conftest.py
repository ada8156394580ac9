"""Homes that nothing disturbed, to compare with those of runs that were killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.nursery import LINE, SONGS, Nursery, open_nursery
from tests.shared import Shared


@pytest.fixture(scope="session")
def nursery(
    prefect_server: None, library: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nursery]:
    """Runs ingest and extract."""
    log = tmp_path_factory.mktemp("nursery") / "log"
    with open_nursery(library, log, SONGS) as started:
        yield started


@pytest.fixture(scope="session")
def line_nursery(
    prefect_server: None, library: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nursery]:
    """Runs whole nights; TensorFlow is loaded."""
    log = tmp_path_factory.mktemp("nursery") / "log"
    with open_nursery(library, log, LINE) as started:
        yield started


@pytest.fixture(scope="session")
def extracted_home(nursery: Nursery, shared: Shared) -> Path:
    """A home in which ingest and extract were not disturbed; nobody may write into it."""

    def run(home: Path) -> None:
        assert nursery.run(home, "ingest", "extract") == 0

    return shared.once("undisturbed", run)

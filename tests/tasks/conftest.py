"""Tasks called as functions, over a catalog of their own."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from flows.settings import Settings
from genre_core.records import Source

Store = Callable[[Sequence[Source]], None]


@pytest.fixture
def quiet_runs() -> Iterator[None]:
    """Tasks log nothing where no run is."""
    from prefect.logging import disable_run_logger

    with disable_run_logger():
        yield


@pytest.fixture
def store_songs(config: Settings, quiet_runs: None) -> Store:
    """Ingest and extract songs into the home of ``config``, task by task."""
    from tests.tasks.steps import collect, extract

    def store(sources: Sequence[Source]) -> None:
        collect(config.layout, sources)
        extract(config)

    return store

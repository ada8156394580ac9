"""Tasks called as functions, over a catalog of their own."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from flows.settings import Settings
from genre_core.records import Source
from storage.fetch.download import DownloadLimits

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
    from tasks.download import download_chunk, record_wave
    from tasks.duplicates import mark_duplicates
    from tasks.extract import record_shards, select_tracks, settle_extraction
    from tasks.spectrograms import convert_chunk, extract_chunk

    layout, features = config.layout, config.features

    def store(sources: Sequence[Source]) -> None:
        fetched = download_chunk.fn(layout, sources, DownloadLimits(), ())
        record_wave.fn(layout, mark_duplicates.fn(layout, sources, [fetched]))
        pending = select_tracks.fn(layout, features)
        converted = convert_chunk.fn(layout, pending, features)
        record_shards.fn(
            layout, [extract_chunk.fn(layout, converted, features)], config.wav_cache_bytes
        )
        settle_extraction.fn(layout, features)

    return store

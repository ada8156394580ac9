"""Flow ingest: every song of a library is fetched once, and has one outcome."""

from dataclasses import dataclass

from prefect import flow, unmapped

from flows.line import LineConfig
from flows.runner import local_threads
from flows.settings import read_line_config
from storage.catalog.songs import count_outcomes
from storage.lock import hold_home
from tasks.chunks import waves
from tasks.collect import (
    download_chunk,
    mark_duplicates,
    record_wave,
    select_sources,
    sweep_downloads,
)
from tasks.completed import completed
from tasks.progress import show_progress
from tasks.publish import publish_store
from tasks.report import report_songs


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """How many songs were looked at, and how all songs of the store stand by outcome."""

    n_new: int
    outcomes: dict[str, int]


@flow(task_runner=local_threads())
def ingest(config: LineConfig | None = None) -> IngestReport:
    """Sources, download, duplicates, record.

    Without a ``config`` the settings are read where the flow runs.
    """
    config = config or read_line_config()
    layout = config.layout
    with hold_home(layout):
        sweep_downloads(layout)
        music = config.require_music()
        sources = select_sources(layout, music, dict(config.genre_map), config.genres)
        with show_progress("ingest", len(sources), "songs") as advance:
            for wave in waves(sources):
                futures = download_chunk.map(
                    unmapped(layout), wave, unmapped(config.limits), unmapped(config.genres)
                )
                fetched = list(completed(futures, wave, advance))
                songs = [source for chunk in wave for source in chunk]
                record_wave(layout, mark_duplicates(layout, songs, fetched))
        publish_store(layout)
    outcomes = count_outcomes(layout)
    report_songs("ingest", len(sources), outcomes)
    return IngestReport(n_new=len(sources), outcomes=outcomes)

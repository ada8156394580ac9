"""Flow ingest: every song of a library is fetched once, and has one outcome."""

from dataclasses import dataclass

from prefect import flow, unmapped

from flows.line import LineConfig
from flows.runner import local_threads
from flows.settings import read_line_config
from storage.catalog.songs import count_outcomes
from storage.layout import DataLayout
from storage.lock import hold_home
from tasks.chunks import waves
from tasks.collect import (
    download_chunk,
    record_wave,
    select_sources,
    sweep_downloads,
)
from tasks.completed import completed
from tasks.duplicates import (
    mark_duplicates,
    print_chunk,
    record_prints,
    select_unprinted,
    settle_copies,
)
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
    """Sources, download, record, fingerprints, copies.

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
        find_copies(layout)
        settle_copies(layout)
        publish_store(layout)
    outcomes = count_outcomes(layout)
    report_songs("ingest", len(sources), outcomes)
    return IngestReport(n_new=len(sources), outcomes=outcomes)


def find_copies(layout: DataLayout) -> None:
    """Fingerprint what has no fingerprint yet, also what an earlier run left, and find copies."""
    unprinted = select_unprinted(layout)
    with show_progress("fingerprint", len(unprinted), "songs") as advance:
        for wave in waves(unprinted):
            futures = print_chunk.map(unmapped(layout), wave)
            record_prints(layout, list(completed(futures, wave, advance)))

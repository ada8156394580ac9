"""Flow ingest: every song of a library is fetched once, and has one outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flows.engine import mapping_on, waves
from flows.settings import Settings, read_settings
from genre_core.dataset.labels import LabelRules
from genre_core.locations import path_of
from genre_core.records import Source, Track, counted
from storage.audio.fingerprint import FIRST_S, FULL_S
from storage.fetch.sites.access import Access, open_access
from storage.lock import hold_home
from storage.sources.listing import KnownMusic, known_music, remember_music
from storage.telemetry import follow_job
from tasks.download import Fetched, Selected, download_chunk, join_selected, select_sources
from tasks.duplicates import (
    fingerprint_chunk,
    follow_changes,
    record_fingerprints,
    record_wave,
    select_doubtful,
    select_unfingerprinted,
    settle_duplicates,
)
from tasks.extract import settle_short
from tasks.orchestrator import flow, get_run_logger, unmapped
from tasks.progress import completed, show_progress
from tasks.publish import publish_store, report_songs
from tasks.terminal import ERR


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestReport:
    """How many songs were new or listed otherwise, and how many songs have each outcome.

    ``given_up`` names the sites that failed too often, each with its last failure.
    """

    n_new: int
    outcomes: dict[str, int]
    given_up: dict[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What the flow did, for people."""
        sites = "".join(f" {site} was given up: {why}" for site, why in self.given_up.items())
        return f"Scanned {counted(self.n_new, 'song')}.{sites}"


@flow
def ingest(config: Settings | None = None, own: Settings | None = None) -> IngestReport:
    """List, download, record, fingerprint, find duplicates.

    Where the settings name no music, the libraries of earlier ingests are listed again. Without a
    ``config`` the settings are read where the flow runs. ``own`` are the settings of the home, by
    which a song is too short, where the ``config`` has others for once.
    """
    config = config or read_settings()
    layout = config.layout
    with follow_job("ingest"), hold_home(layout):
        libraries, access = config.libraries(), open_access(config.sites)
        warn_of_gone(libraries)
        selected = join_selected([list_library(library, access) for library in libraries])
        record_wave(layout, [], [Fetched(outcomes=selected.outcomes)])
        stored = record_wave(layout, selected.relabelled, [Fetched(tracks=selected.stored)])
        n_unfingerprinted = len(select_unfingerprinted(layout)) + len(select_doubtful(layout))
        n_waiting = len(selected.sources) + n_unfingerprinted
        with mapping_on(config.runner, n_waiting):
            changes = fetch_songs(config, selected.sources, access)
            find_duplicates(config)
        follow_changes(layout, [*stored.changes, *changes])
        settle_duplicates(layout)
        outcomes = settle_short(layout, (own or config).known_features)
        publish_store(layout)
    n_new = len(selected.sources) + len(selected.relabelled)
    given_up = access.circuits.given_up
    for site, failure in given_up.items():
        get_run_logger().warning("%s was given up: %s", site, failure)
    report_songs("ingest", n_new, outcomes, given_up)
    return IngestReport(n_new=n_new, outcomes=outcomes, given_up=given_up)


def warn_of_gone(libraries: Sequence[Settings]) -> None:
    """Warn of libraries that the home knows and that are not there any more."""
    named = {library.music for library in libraries}
    for music in known_music(libraries[0].layout):
        if music not in named and not Path(path_of(music)).exists():
            get_run_logger().warning("%s is not there; its songs stay as they are", music)


def list_library(config: Settings, access: Access) -> Selected:
    """Select what a library has that is new, say where its labels are, and note it in the home."""
    rules = LabelRules(
        genre_map=dict(config.genre_map),
        genres=config.genres,
        takes_unlabelled=config.unlabelled,
        label_from=config.label_from,
    )
    selected = select_sources(config.layout, config.music, rules, config.limits, access)
    ERR.print(selected.found, soft_wrap=True)
    how = KnownMusic(unlabelled=config.unlabelled, label_from=config.label_from)
    remember_music(config.layout, config.music, how)
    return selected


def fetch_songs(config: Settings, sources: Sequence[Source], access: Access) -> list[str]:
    """Fetch songs wave by wave; what was fetched is recorded before the next wave begins.

    Return what changed at songs that were known.
    """
    changes: list[str] = []
    layout, limits, genres = config.layout, unmapped(config.limits), unmapped(config.genres)
    with show_progress("ingest", len(sources), "songs") as advance:
        for wave in waves(sources, config.runner.chunks_per_wave):
            futures = download_chunk.map(unmapped(layout), wave, limits, genres, unmapped(access))
            fetched = list(completed(futures, wave, advance))
            for chunk in fetched:
                access.circuits.give_up(dict(chunk.given_up))
            songs = [source for chunk in wave for source in chunk]
            changes += record_wave(layout, songs, fetched).changes
    return changes


def find_duplicates(config: Settings) -> None:
    """Fingerprint every song that has no fingerprint yet, and find duplicates by it.

    The first minute finds what may be a duplicate; two minutes of those songs decide.
    """
    layout = config.layout
    fingerprint_songs(config, select_unfingerprinted(layout), FIRST_S)
    if doubtful := select_doubtful(layout):
        fingerprint_songs(config, doubtful, FULL_S)


def fingerprint_songs(config: Settings, tracks: Sequence[Track], fingerprinted_s: int) -> None:
    """Fingerprint the first seconds of songs wave by wave."""
    layout, first_s = config.layout, unmapped(fingerprinted_s)
    with show_progress("fingerprint", len(tracks), "songs") as advance:
        for wave in waves(tracks, config.runner.chunks_per_wave):
            futures = fingerprint_chunk.map(unmapped(layout), wave, first_s)
            record_fingerprints(layout, list(completed(futures, wave, advance)))

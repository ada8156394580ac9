"""Ingest: list the songs, fetch what is new, record what became of each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prefect import get_run_logger, task

from genre_core.errors import TrackRejected, TransientError
from genre_core.labels import explain_label, label_source
from genre_core.records import Outcome, Reason, Result, Source, Stage, Track
from storage.catalog.songs import record_songs
from storage.download import DownloadLimits, fetch_song
from storage.layout import DataLayout
from storage.parts import sweep_parts
from storage.sites.access import Access
from storage.sources.expand import expand_pages
from storage.sources.identity import host_of
from storage.sources.listing import list_sources, list_unlabelled
from storage.web.addresses import show_location
from tasks.listing import Selected, settle_listing, take_stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a chunk of sources gave: tracks in storage, and the songs that gave none.

    ``given_up`` names the sites that the run has given up so far, and says why.
    """

    tracks: tuple[Track, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    given_up: tuple[tuple[str, str], ...] = ()


@task
def sweep_downloads(layout: DataLayout) -> None:
    """Sweep what a killed process left half fetched."""
    sweep_parts(layout)


@task
def select_sources(
    layout: DataLayout,
    music: str,
    genre_map: Mapping[str, str] | None = None,
    genres: Sequence[str] = (),
    limits: DownloadLimits | None = None,
    access: Access | None = None,
) -> Selected:
    """List the songs of a library, give them genres, and leave out those that need no fetching."""
    return _select(layout, list_sources(music), genre_map, genres, limits, access)


@task
def select_unlabelled(
    layout: DataLayout,
    music: str,
    genre_map: Mapping[str, str] | None = None,
    genres: Sequence[str] = (),
    limits: DownloadLimits | None = None,
    access: Access | None = None,
) -> Selected:
    """Do as `select_sources`; songs without a label are taken in, to be predicted alone."""
    return _select(layout, list_unlabelled(music), genre_map, genres, limits, access)


def _select(
    layout: DataLayout,
    found: Sequence[Source],
    genre_map: Mapping[str, str] | None,
    genres: Sequence[str],
    limits: DownloadLimits | None,
    access: Access | None,
) -> Selected:
    access = access or Access()
    listed = expand_pages(found, access, limits or DownloadLimits())
    if listed.n_again:
        get_run_logger().warning("%s songs are listed twice", listed.n_again)
    labelled = [label_source(source, genre_map or {}, genres) for source in listed.sources]
    unknown = Counter(source.genre for source in labelled if source.label_fault)
    if n_bare := unknown.pop("", 0):
        get_run_logger().warning("songs without a label: %s", n_bare)
    if unknown:
        named = ", ".join(f"{label} ({n_songs})" for label, n_songs in unknown.most_common())
        get_run_logger().warning(
            "songs that cannot be taken as they are listed, by label: %s", named
        )
    selected = settle_listing(layout, replace(listed, sources=tuple(labelled)), access)
    return take_stored(layout, selected, genres)


@task
def download_chunk(
    layout: DataLayout,
    sources: Sequence[Source],
    limits: DownloadLimits,
    genres: Sequence[str],
    access: Access | None = None,
) -> Fetched:
    """Fetch songs into storage; a song that cannot be had is an outcome, not an error."""
    access = access or Access()
    results = [_fetch(layout, source, limits, genres, access) for source in sources]
    return Fetched(
        tracks=tuple(result for result in results if isinstance(result, Track)),
        outcomes=tuple(result for result in results if isinstance(result, Outcome)),
        given_up=tuple(access.circuits.given_up.items()),
    )


@task
def record_wave(layout: DataLayout, judged: Fetched) -> None:
    """Record tracks and outcomes in the catalog, in one transaction."""
    record_songs(layout, judged.tracks, judged.outcomes)


def _fetch(
    layout: DataLayout,
    source: Source,
    limits: DownloadLimits,
    genres: Sequence[str],
    access: Access,
) -> Track | Outcome:
    """Fetch one song; one that fails for no foreseen reason leaves the others be."""
    site = source.site or host_of(source.location)
    try:
        _require_known_genre(source, genres)
        access.circuits.require_closed(site)
        track = fetch_song(source, layout, limits, access=access)
    except TrackRejected as rejection:
        reason = Reason(rejection.reason)
        result = Result.DUPLICATE if reason is Reason.DUPLICATE_ID else Result.QUARANTINED
        return _left_out(source, result, reason, str(rejection))
    except TransientError as error:
        access.circuits.note_failure(site, error)
        reason = Reason(error.reason or Reason.UNREACHABLE)
        return _left_out(source, Result.RETRYABLE, reason, str(error))
    except Exception as error:
        get_run_logger().exception("%s was left out", show_location(source.location))
        sentence = f"the program failed on it: {type(error).__name__}: {error}"
        return _left_out(source, Result.RETRYABLE, Reason.INTERRUPTED, sentence)
    access.circuits.note_success(site)
    return replace(track, is_builtin=Path(source.location).is_relative_to(layout.builtin))


def _require_known_genre(source: Source, genres: Sequence[str]) -> None:
    if fault := explain_label(source, genres):
        raise TrackRejected(Reason.LABEL_UNKNOWN, fault)


def _left_out(source: Source, result: Result, reason: Reason, message: str) -> Outcome:
    return Outcome(
        location=source.location,
        genre=source.genre,
        result=result,
        stage=Stage.DOWNLOAD,
        reason=reason,
        message=message,
    )

"""Ingest: list the songs, fetch what is new, record what became of each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prefect import get_run_logger, task

from genre_core.dataset.labels import explain_label, label_source
from genre_core.dataset.listing import keep_labels, settle_archived, settle_ids
from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Outcome, Reason, Result, Source, Stage, Track
from storage.catalog.songs import (
    drop_list_outcomes,
    held_sources,
    name_sources,
    read_labels,
    record_songs,
    select_new_sources,
    select_news,
    stored_tracks,
)
from storage.fetch.addresses import show_location
from storage.fetch.download import DownloadLimits, fetch_song
from storage.fetch.parts import sweep_parts
from storage.fetch.sites.access import Access
from storage.home import DataLayout
from storage.sources.identity import host_of, locate
from storage.sources.listing import Expanded, expand_pages, list_sources, list_unlabelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The sources that are to be fetched, and what needs no fetching.

    ``relabelled`` are sources under another genre whose songs, ``stored``, are in storage.
    """

    sources: tuple[Source, ...]
    outcomes: tuple[Outcome, ...] = ()
    relabelled: tuple[Source, ...] = ()
    stored: tuple[Track, ...] = ()


def settle_listing(layout: DataLayout, listed: Expanded, access: Access) -> Selected:
    """Decide what is to be fetched: no song twice, none that is done, none of the archive."""
    sources = _keep_labels(layout, listed.sources)
    name_sources(layout, sources)
    ids = {source.source_id for source in sources}
    songs = {source.location for source in sources}
    found = held_sources(layout, ids)
    held = [source if source.location in songs else locate(source) for source in found]
    name = access.config.archive_file
    new = settle_archived(sources, held, access.archive, name)
    once = settle_ids(new.sources, held)
    drop_list_outcomes(layout, [place for place in listed.lists if place not in songs])
    decided = (*listed.outcomes, *new.outcomes, *once.outcomes)
    outcomes = list({outcome.location: outcome for outcome in decided}.values())
    return Selected(
        sources=tuple(select_new_sources(layout, once.sources)),
        outcomes=tuple(select_news(layout, outcomes)),
    )


def _keep_labels(layout: DataLayout, sources: Sequence[Source]) -> list[Source]:
    unlabelled = [source.location for source in sources if source.is_unlabelled]
    return keep_labels(sources, read_labels(layout, unlabelled) if unlabelled else {})


def take_stored(layout: DataLayout, selected: Selected, genres: Sequence[str]) -> Selected:
    """Take the songs that only changed their labels from storage instead of fetching them."""
    willing = [s for s in selected.sources if not explain_label(s, genres)]
    stored = stored_tracks(layout, willing)
    taken = {track.location for track in stored}
    return replace(
        selected,
        sources=tuple(s for s in selected.sources if s.location not in taken),
        relabelled=tuple(s for s in selected.sources if s.location in taken),
        stored=tuple(stored),
    )


def name_outcomes(outcomes: Sequence[Outcome], sources: Sequence[Source]) -> tuple[Outcome, ...]:
    """Give outcomes the ids of their sources and the versions that were judged."""
    places = {source.location: source for source in sources}
    unlisted = Source(location="", genre="")
    return tuple(
        replace(
            outcome,
            source_id=outcome.source_id or places.get(outcome.location, unlisted).source_id,
            version=places.get(outcome.location, unlisted).version,
        )
        for outcome in outcomes
    )


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

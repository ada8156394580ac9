"""Ingest: list the songs, fetch what is new, record the outcome of each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genre_core.dataset.labels import (
    LabelRules,
    describe_labels,
    explain_label,
    label_sources,
    require_genres,
    unify_genres,
)
from genre_core.dataset.listing import keep_labels, settle_archived, settle_ids
from genre_core.errors import TrackRejected, TransientError
from genre_core.locations import show_addresses, show_location
from genre_core.records import Outcome, Reason, Result, Source, Stage, Track, counted
from storage.catalog.connection import Catalog, open_catalog
from storage.catalog.songs import (
    drop_list_outcomes,
    held_sources,
    read_genres,
    read_labels,
    select_changed,
    select_new_sources,
    stored_tracks,
)
from storage.fetch.download import fetch_song
from storage.fetch.limits import DownloadLimits
from storage.fetch.parts import sweep_parts
from storage.fetch.sites.access import Access
from storage.home import DataLayout
from storage.sources.identity import host_of, locate
from storage.sources.listing import Expanded, expand_pages, list_library
from storage.sources.tagged import keep_own
from storage.tags.journal import Journal
from tasks.orchestrator import get_run_logger, task


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The sources that are to be fetched, and what needs no fetching.

    ``relabelled`` are sources under another genre or other tags whose songs, ``stored``, are in
    storage. ``found`` says where the labels of a library are, and which.
    """

    sources: tuple[Source, ...]
    outcomes: tuple[Outcome, ...] = ()
    relabelled: tuple[Source, ...] = ()
    stored: tuple[Track, ...] = ()
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a chunk of sources gave: tracks in storage, and the outcomes of songs that gave none.

    ``given_up`` names the sites that the run has given up so far, each with its last failure;
    ``changes`` describe songs that were in storage and differ now.
    """

    tracks: tuple[Track, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    given_up: tuple[tuple[str, str], ...] = ()
    changes: tuple[str, ...] = ()


def join_selected(parts: Sequence[Selected]) -> Selected:
    """Join what several libraries have; a song of two is taken as the first lists it."""
    relabelled = {s.location: s for part in reversed(parts) for s in part.relabelled}
    sources = {s.location: s for part in reversed(parts) for s in part.sources}
    return Selected(
        sources=tuple(s for place, s in sources.items() if place not in relabelled),
        outcomes=tuple({o.location: o for part in parts for o in part.outcomes}.values()),
        relabelled=tuple(relabelled.values()),
        stored=tuple({t.location: t for part in reversed(parts) for t in part.stored}.values()),
    )


@task
def select_sources(
    layout: DataLayout,
    music: str,
    rules: LabelRules | None = None,
    limits: DownloadLimits | None = None,
    access: Access | None = None,
) -> Selected:
    """List the songs of a library, give them genres, and leave out those that need no fetching.

    Partial downloads that a killed process left and no run can resume are removed.
    """
    sweep_parts(layout)
    rules, access = rules or LabelRules(), access or Access()
    found = list_library(
        music, takes_unlabelled=rules.takes_unlabelled, label_from=rules.label_from
    )
    given = found.sources
    if found.layout.reads_tags:
        given = keep_own(given, Journal(layout), rules.takes_unlabelled)
    listed = expand_pages(given, access, limits or DownloadLimits())
    with open_catalog(layout) as catalog:
        sources = _label(catalog, listed.sources, rules)
        if not (rules.takes_unlabelled or listed.outcomes):  # lists that cannot be opened
            require_genres(rules.genres, sources, read_genres(catalog))
        selected = _settle_listing(catalog, sources, listed, access)
        selected = _take_stored(catalog, layout, selected, rules.genres)
    _warn_of_listing(sources, listed.n_again)
    sentence = f"Labels of {music} are {found.layout}: {describe_labels(sources)}."
    return replace(selected, found=sentence)


@task
def download_chunk(
    layout: DataLayout,
    sources: Sequence[Source],
    limits: DownloadLimits,
    genres: Sequence[str],
    access: Access | None = None,
) -> Fetched:
    """Fetch songs into storage; a song that cannot be fetched is an outcome, not an error."""
    access = access or Access()
    results = [_fetch(layout, source, limits, genres, access) for source in sources]
    return Fetched(
        tracks=tuple(result for result in results if isinstance(result, Track)),
        outcomes=tuple(result for result in results if isinstance(result, Outcome)),
        given_up=tuple(access.circuits.given_up.items()),
    )


def _label(catalog: Catalog, listed: Sequence[Source], rules: LabelRules) -> list[Source]:
    """Set the genres that the labels of sources mean, as far as storage knows no better."""
    labelled = label_sources(listed, rules.genre_map, rules.genres)
    known = (*rules.genres, *rules.genre_map.values(), *read_genres(catalog))
    sources = unify_genres(labelled, known)
    _warn_of_spellings(labelled, sources)
    unsure = [s.location for s in sources if s.is_unlabelled or explain_label(s, rules.genres)]
    held = read_labels(catalog, unsure) if unsure else {}
    return keep_labels(sources, held, rules.genres)


def _settle_listing(
    catalog: Catalog, sources: Sequence[Source], listed: Expanded, access: Access
) -> Selected:
    """Select what is to be fetched: no song twice, none that is done or in the archive."""
    songs = {source.location for source in sources}
    found = held_sources(catalog, sources, access.archive)
    held = [source if source.location in songs else locate(source) for source in found]
    new = settle_archived(sources, held, access.archive, access.config.archive_file)
    once = settle_ids(new.sources, held)
    drop_list_outcomes(catalog, [place for place in listed.lists if place not in songs])
    decided = (*listed.outcomes, *new.outcomes, *once.outcomes)
    outcomes = list({outcome.location: outcome for outcome in decided}.values())
    return Selected(
        sources=tuple(select_new_sources(catalog, once.sources)),
        outcomes=tuple(select_changed(catalog, outcomes)),
    )


def _take_stored(
    catalog: Catalog, layout: DataLayout, selected: Selected, genres: Sequence[str]
) -> Selected:
    """Take the songs that only changed their labels from storage instead of fetching them."""
    accepted = [s for s in selected.sources if not explain_label(s, genres)]
    stored = stored_tracks(catalog, layout, accepted)
    taken = {track.location for track in stored}
    return replace(
        selected,
        sources=tuple(s for s in selected.sources if s.location not in taken),
        relabelled=tuple(s for s in selected.sources if s.location in taken),
        stored=tuple(stored),
    )


def _warn_of_spellings(labelled: Sequence[Source], sources: Sequence[Source]) -> None:
    spelt = {(s.genre, t.genre) for s, t in zip(labelled, sources, strict=True)}
    named = sorted(f"{label!r} is {genre!r}" for label, genre in spelt if label != genre)
    if named:
        get_run_logger().warning("genres that differ only in spelling: %s", ", ".join(named))


def _warn_of_listing(sources: Sequence[Source], n_again: int) -> None:
    logger = get_run_logger()
    if n_again:
        logger.warning("listed twice: %s", counted(n_again, "song"))
    unknown = Counter(source.genre for source in sources if source.label_fault)
    if n_bare := unknown.pop("", 0):
        logger.warning("songs without a label: %s", n_bare)
    if unknown:
        named = ", ".join(f"{label} ({n_songs})" for label, n_songs in unknown.most_common())
        logger.warning("songs whose labels are no genre, by label: %s", named)


def _fetch(
    layout: DataLayout,
    source: Source,
    limits: DownloadLimits,
    genres: Sequence[str],
    access: Access,
) -> Track | Outcome:
    """Fetch one song; an unforeseen failure does not affect the others."""
    site = source.site or host_of(source.location)
    try:
        if fault := explain_label(source, genres):
            raise TrackRejected(Reason.LABEL_UNKNOWN, fault)
        access.circuits.require_closed(site)
        track = fetch_song(source, layout, limits, access=access)
    except TrackRejected as rejection:
        reason = Reason(rejection.reason)
        result = Result.DUPLICATE if reason is Reason.DUPLICATE_ID else Result.QUARANTINED
        return left_out(source, result, reason, str(rejection))
    except TransientError as error:
        access.circuits.note_failure(site, error)
        reason = Reason(error.reason or Reason.UNREACHABLE)
        return left_out(source, Result.RETRYABLE, reason, str(error))
    except Exception as error:
        get_run_logger().exception("%s was left out", show_location(source.location))
        sentence = f"the program failed on it: {type(error).__name__}: {show_addresses(str(error))}"
        return left_out(source, Result.RETRYABLE, Reason.INTERRUPTED, sentence)
    access.circuits.note_success(site)
    return replace(track, is_builtin=Path(source.location).is_relative_to(layout.builtin))


def left_out(source: Source, result: Result, reason: Reason, message: str) -> Outcome:
    """Return the outcome of a source that gave no track."""
    return Outcome(
        location=source.location,
        genre=source.genre,
        result=result,
        stage=Stage.DOWNLOAD,
        reason=reason,
        message=message,
    )

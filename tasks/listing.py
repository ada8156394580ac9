"""What a listing and the catalog decide together, before anything is fetched."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from genre_core.labels import explain_label
from genre_core.listing import keep_labels, settle_archived, settle_ids
from genre_core.records import Outcome, Source, Track
from storage.catalog.songs import (
    drop_list_outcomes,
    held_sources,
    name_sources,
    read_labels,
    select_new_sources,
    select_news,
    stored_tracks,
)
from storage.layout import DataLayout
from storage.sites.access import Access
from storage.sources.expand import Expanded
from storage.sources.identity import locate


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

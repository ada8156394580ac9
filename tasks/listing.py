"""What a listing and the catalog decide together, before anything is fetched."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from genre_core.listing import settle_archived, settle_ids
from genre_core.records import Outcome, Source, Track
from storage.catalog.songs import (
    drop_list_outcomes,
    held_sources,
    name_sources,
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
    name_sources(layout, listed.sources)
    ids = {source.source_id for source in listed.sources}
    songs = {source.location for source in listed.sources}
    found = held_sources(layout, ids)
    held = [source if source.location in songs else locate(source) for source in found]
    name = access.config.archive_file
    new = settle_archived(listed.sources, held, access.archive, name)
    once = settle_ids(new.sources, held)
    drop_list_outcomes(layout, [place for place in listed.lists if place not in songs])
    decided = (*listed.outcomes, *new.outcomes, *once.outcomes)
    outcomes = list({outcome.location: outcome for outcome in decided}.values())
    return Selected(
        sources=tuple(select_new_sources(layout, once.sources)),
        outcomes=tuple(select_news(layout, outcomes)),
    )


def take_stored(layout: DataLayout, selected: Selected, genres: Sequence[str]) -> Selected:
    """Take the songs that only changed their labels from storage instead of fetching them."""
    willing = [
        s for s in selected.sources if not s.label_fault and (not genres or s.genre in genres)
    ]
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

"""Duplicates: further sources of a file, duplicates of a recording, and which one is kept."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from genre_core.dataset.recordings import (
    MAX_LISTED,
    describe_change,
    describe_move,
    describe_same_sound,
)
from genre_core.dataset.splits import find_torn
from genre_core.errors import TrackRejected, TransientError
from genre_core.locations import show_location
from genre_core.records import Outcome, Reason, Result, Source, Stage, Track
from storage.audio.fingerprint import FULL_S, fingerprint_song
from storage.audio.isolated import read_guarded
from storage.catalog import fingerprints as stored
from storage.catalog.assignments import read_library, record_assignments, spread_conflicts
from storage.catalog.connection import Catalog, open_catalog
from storage.catalog.fingerprints import Fingerprint
from storage.catalog.recordings import settle_recordings
from storage.catalog.removals import REMOVED, find_removed
from storage.catalog.songs import (
    count_outcomes,
    known_packets,
    known_tracks,
    record_songs,
    tracks_of_sources,
)
from storage.fetch.download import drop_song
from storage.home import DataLayout
from storage.sources.identity import is_gone
from tasks.download import Fetched, left_out
from tasks.orchestrator import get_run_logger, task

_FAILED_CHUNK = "the program failed on the chunk of this song; see its log. Run it again."


@task
def record_wave(
    layout: DataLayout, sources: Sequence[Source], fetched: Sequence[Fetched]
) -> Fetched:
    """Record and return the tracks of a wave and one outcome for each of its sources.

    Which source represents a song, and under which genre, is settled by `settle_duplicates`.
    """
    arrived = [track for chunk in fetched for track in chunk.tracks]
    arrived.sort(key=lambda track: track.location)
    outcomes = [outcome for chunk in fetched for outcome in chunk.outcomes]
    with open_catalog(layout) as catalog:
        removed = find_removed(catalog, arrived)
        for track in (track for track in arrived if track.location in removed):
            drop_song(layout, track)
            outcome = _outcome(track, Result.QUARANTINED, Reason.REMOVED, REMOVED)
            outcomes.append(replace(outcome, track_id=removed[track.location]))
        arrived = [track for track in arrived if track.location not in removed]
        tracks = _match_retagged(layout, catalog, arrived)
        known = known_tracks(catalog, [track.track_id for track in tracks])
        moved = _find_moved(known, tracks)
        first = {track_id: old for track_id, old in known.items() if track_id not in moved}
        for track in tracks:
            first.setdefault(track.track_id, track)
        outcomes += [_arrival_outcome(track, first[track.track_id]) for track in tracks]
        outcomes += [_move_outcome(old, first[track_id]) for track_id, old in moved.items()]
        settled = {outcome.location for outcome in outcomes}
        outcomes += [
            left_out(source, Result.RETRYABLE, Reason.INTERRUPTED, _FAILED_CHUNK)
            for source in sources
            if source.location not in settled
        ]
        new = [track for track in tracks if track.location == first[track.track_id].location]
        outcomes = _name_sources(outcomes, sources)
        before = tracks_of_sources(catalog, [track.location for track in new])
        record_songs(catalog, new, outcomes)
    return Fetched(
        tracks=tuple(new), outcomes=tuple(outcomes), changes=_describe_changes(before, new)
    )


@task
def select_unfingerprinted(layout: DataLayout) -> list[Track]:
    """Select the tracks without a fingerprint of this version in the catalog."""
    with open_catalog(layout) as catalog:
        stored.drop_stale_fingerprints(catalog)
        return stored.select_unfingerprinted(catalog)


@task
def select_doubtful(layout: DataLayout) -> list[Track]:
    """Select the tracks whose first minute may be that of another."""
    with open_catalog(layout) as catalog:
        return stored.select_doubtful(catalog)


@task
def fingerprint_chunk(
    layout: DataLayout, tracks: Sequence[Track], fingerprinted_s: int
) -> Sequence[Fingerprint]:
    """Fingerprint the first seconds of songs; what fails for now is left to the next run."""
    found = [_fingerprint(layout, track, fingerprinted_s) for track in tracks]
    return [fingerprint for fingerprint in found if fingerprint]


@task
def record_fingerprints(layout: DataLayout, chunks: Sequence[Sequence[Fingerprint]]) -> None:
    """Record the fingerprints of a wave and the duplicates found by them."""
    with open_catalog(layout) as catalog:
        stored.record_fingerprints(catalog, [one for chunk in chunks for one in chunk])


@task
def settle_duplicates(layout: DataLayout) -> dict[str, int]:
    """Settle which duplicate of each recording is kept; return the number of songs by outcome.

    It logs how many recordings wait for a decision.
    """
    with open_catalog(layout) as catalog:
        n_undecided, outcomes = settle_recordings(catalog), count_outcomes(catalog)
    if n_undecided:
        get_run_logger().warning(
            "recordings under several genres: %s; `genreflow conflicts` lists them", n_undecided
        )
    return outcomes


@task
def follow_changes(layout: DataLayout, changes: Sequence[str]) -> None:
    """Log what changed at known songs, and leave out those that now tie two splits."""
    if not changes:
        return
    logger = get_run_logger()
    with open_catalog(layout) as catalog:
        torn = spread_conflicts(catalog, find_torn(*read_library(catalog)))
        record_assignments(catalog, (), torn)
        known = known_tracks(catalog, list(torn))
    _warn_of_each("known songs that changed: %s", changes)
    logger.warning("they are followed; songs that are assigned to a split stay in it")
    ties = [f"{show_location(known[track_id].location)}: {why}" for track_id, why in torn.items()]
    _warn_of_each("songs that tie two splits: %s", ties)


def _warn_of_each(heading: str, sentences: Sequence[str]) -> None:
    logger = get_run_logger()
    if sentences:
        logger.warning(heading, len(sentences))
    for sentence in sentences[:MAX_LISTED]:
        logger.warning("  %s", sentence)
    if len(sentences) > MAX_LISTED:
        logger.warning("  and %s more", len(sentences) - MAX_LISTED)


def _describe_changes(
    before: Mapping[str, tuple[str, Track]], tracks: Sequence[Track]
) -> tuple[str, ...]:
    pairs = [(before[t.location][1], t) for t in tracks if t.location in before]
    found = (describe_change(old, now, show_location(now.location)) for old, now in pairs)
    return tuple(filter(None, found))


def _fingerprint(layout: DataLayout, track: Track, fingerprinted_s: int) -> Fingerprint | None:
    """Fingerprint one song; no failure stops the others of its chunk."""
    location, song = show_location(track.location), layout.song(track.track_id, track.suffix)
    items = np.empty(0, np.uint32)
    try:
        if not song.exists():
            raise TransientError(f"{song} is gone. Ingest its source again.")
        items = read_guarded(
            layout, track.track_id, fingerprint_song, song, track.facts, fingerprinted_s
        )
    except TrackRejected as rejection:
        get_run_logger().warning("%s has no fingerprint: %s", location, rejection)
    except TransientError as error:
        get_run_logger().warning("%s is fingerprinted by the next run: %s", location, error)
        return None
    except Exception:
        get_run_logger().exception("%s was not fingerprinted", location)
        return None
    is_partial = bool(items.size) and fingerprinted_s < min(FULL_S, track.duration_s)
    return Fingerprint(track_id=track.track_id, items=items, is_partial=is_partial)


def _match_retagged(layout: DataLayout, catalog: Catalog, tracks: Sequence[Track]) -> list[Track]:
    """Assign songs that differ from an earlier one only in their tags the track id of that one.

    If the file of the earlier one is gone, the new track is a song of its own, and its duplicate.
    """
    by_id = known_tracks(catalog, [track.track_id for track in tracks])
    by_packets = known_packets(catalog, [track.packets_id for track in tracks])
    matched = []
    for track in tracks:
        first = by_id.get(track.track_id) or by_packets.setdefault(track.packets_id, track)
        if not layout.song(first.track_id, first.suffix).exists():
            first = track
        if first.track_id != track.track_id:
            drop_song(layout, track)
        matched.append(replace(track, track_id=first.track_id, suffix=first.suffix))
    return matched


def _find_moved(known: Mapping[str, Track], tracks: Sequence[Track]) -> dict[str, Track]:
    """Known tracks whose original file is gone, and that came again from elsewhere."""
    locations = defaultdict(list)
    for track in tracks:
        locations[track.track_id].append(track.location)
    return {
        track_id: old
        for track_id, old in known.items()
        if is_gone(old.location, locations[track_id])
    }


def _name_sources(outcomes: Sequence[Outcome], sources: Sequence[Source]) -> list[Outcome]:
    """Return outcomes with the ids and the versions of their sources."""
    places = {source.location: source for source in sources}
    unlisted = Source(location="", genre="")
    return [
        replace(
            outcome,
            source_id=outcome.source_id or places.get(outcome.location, unlisted).source_id,
            version=outcome.version or places.get(outcome.location, unlisted).version,
        )
        for outcome in outcomes
    ]


def _arrival_outcome(track: Track, first: Track) -> Outcome:
    if track.location == first.location:
        return _outcome(track, Result.OK, Reason.NONE, "")
    message = describe_same_sound(show_location(first.location), first.genre)
    return _outcome(track, Result.DUPLICATE, Reason.DUPLICATE_CONTENT, message)


def _move_outcome(old: Track, new: Track) -> Outcome:
    message = describe_move(show_location(new.location), new.genre)
    return _outcome(old, Result.DUPLICATE, Reason.DUPLICATE_CONTENT, message)


def _outcome(track: Track, result: Result, reason: Reason, message: str) -> Outcome:
    return Outcome(
        location=track.location,
        genre=track.genre,
        result=result,
        stage=Stage.DOWNLOAD if result is Result.OK else Stage.DUPLICATES,
        reason=reason,
        message=message,
        track_id=track.track_id,
    )

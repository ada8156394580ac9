"""Duplicates: copies of a file, copies of a recording, and which copy is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from prefect import get_run_logger, task

from genre_core.dataset.recordings import tell_content_copy, tell_move
from genre_core.errors import TrackRejected, TransientError
from genre_core.locations import show_location
from genre_core.records import Outcome, Reason, Result, Source, Stage, Track
from storage.audio.fingerprint import print_song, read_print, sweep_prints, write_print
from storage.audio.probe import probe_audio
from storage.catalog import fingerprints as printed
from storage.catalog.connection import open_catalog
from storage.catalog.fingerprints import Print
from storage.catalog.recordings import settle_recordings
from storage.catalog.removals import REMOVED, find_removed
from storage.catalog.songs import known_packets, known_tracks
from storage.fetch.download import drop_song, is_gone
from storage.home import DataLayout
from tasks.download import Fetched, name_outcomes

if TYPE_CHECKING:
    from storage.catalog.connection import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedSong:
    """A track whose fingerprint stands in the cache."""

    track_id: str
    path: Path
    bit_rate: int


@task
def mark_duplicates(
    layout: DataLayout, sources: Sequence[Source], fetched: Sequence[Fetched]
) -> Fetched:
    """Give every source of a wave one outcome: new, a copy, left out, or to be tried again.

    Which source of a song stands for it, and under which genre, is settled by `settle_copies`.
    """
    arrived = sorted(
        (track for chunk in fetched for track in chunk.tracks), key=lambda track: track.location
    )
    with open_catalog(layout) as catalog:
        arrived, refused = _refuse_removed(layout, catalog, arrived)
        tracks = _name_retagged(layout, catalog, arrived)
        known = known_tracks(catalog, [track.track_id for track in tracks])
    moved = _find_moved(known, tracks)
    first = {track_id: old for track_id, old in known.items() if track_id not in moved}
    for track in tracks:
        first.setdefault(track.track_id, track)
    outcomes = [o for chunk in fetched for o in chunk.outcomes] + refused
    outcomes += [_judge_copy(track, first[track.track_id]) for track in tracks]
    outcomes += [_tell_move(old, first[track_id]) for track_id, old in moved.items()]
    outcomes += _interrupted(sources, {outcome.location for outcome in outcomes})
    kept = tuple(track for track in tracks if track.location == first[track.track_id].location)
    return Fetched(tracks=kept, outcomes=name_outcomes(outcomes, sources))


@task
def select_unprinted(layout: DataLayout) -> list[Track]:
    """Select the tracks without a fingerprint; the catalog decides."""
    sweep_prints(layout)
    return printed.select_unprinted(layout)


@task
def print_chunk(layout: DataLayout, tracks: Sequence[Track]) -> Sequence[PrintedSong]:
    """Fingerprint songs into the cache; what cannot be printed now is left to the next run."""
    songs = [_print(layout, track) for track in tracks]
    return [song for song in songs if song]


@task
def record_prints(layout: DataLayout, chunks: Sequence[Sequence[PrintedSong]]) -> None:
    """Record the fingerprints of a wave and the copies found by them; empty the cache."""
    songs = [song for chunk in chunks for song in chunk]
    prints = [
        Print(track_id=song.track_id, items=read_print(song.path), bit_rate=song.bit_rate)
        for song in songs
    ]
    printed.record_prints(layout, prints)
    for song in songs:
        song.path.unlink(missing_ok=True)


@task
def settle_copies(layout: DataLayout) -> None:
    """Settle which copy of each recording is kept, and tell what waits for a decision."""
    n_open = settle_recordings(layout)
    sweep_prints(layout)
    if n_open:
        get_run_logger().warning(
            "recordings under several genres: %s; `genreflow conflicts` lists them", n_open
        )


def _print(layout: DataLayout, track: Track) -> PrintedSong | None:
    """Fingerprint one song; one that fails for no foreseen reason leaves the others be."""
    place = show_location(track.location)
    try:
        return _print_song(layout, track)
    except TransientError as error:
        get_run_logger().warning("%s is fingerprinted by the next run: %s", place, error)
    except Exception:
        get_run_logger().exception("%s was not fingerprinted", place)
    return None


def _print_song(layout: DataLayout, track: Track) -> PrintedSong:
    song = layout.song(track.track_id, track.suffix)
    if not song.exists():
        raise TransientError(f"{song} is gone. Ingest its source again.")
    items, bit_rate = np.empty(0, np.uint32), track.bit_rate
    try:
        items = print_song(song)
        bit_rate = bit_rate or probe_audio(song).bit_rate  # unknown in older catalogs
    except TrackRejected as rejection:
        get_run_logger().warning(
            "%s has no fingerprint: %s", show_location(track.location), rejection
        )
    path = write_print(layout, track.track_id, items)
    return PrintedSong(track_id=track.track_id, path=path, bit_rate=bit_rate)


def _refuse_removed(
    layout: DataLayout, catalog: Catalog, tracks: Sequence[Track]
) -> tuple[list[Track], list[Outcome]]:
    """Drop the songs whose sound somebody had removed, wherever they come from now."""
    removed = find_removed(catalog, tracks)
    refused = [track for track in tracks if track.location in removed]
    for track in refused:
        drop_song(layout, track)
    outcomes = [_tell_removed(track, removed[track.location]) for track in refused]
    return [track for track in tracks if track.location not in removed], outcomes


def _tell_removed(track: Track, track_id: str) -> Outcome:
    return Outcome(
        location=track.location,
        genre=track.genre,
        result=Result.QUARANTINED,
        stage=Stage.DUPLICATES,
        reason=Reason.REMOVED,
        message=REMOVED,
        track_id=track_id,
    )


def _name_retagged(layout: DataLayout, catalog: Catalog, tracks: Sequence[Track]) -> list[Track]:
    """Give songs that differ from an earlier one in their tags alone the name of that one.

    If the file of the earlier one is gone, the newcomer is a song of its own, and its copy.
    """
    by_id = known_tracks(catalog, [track.track_id for track in tracks])
    by_packets = known_packets(catalog, [track.packets_id for track in tracks])
    named = []
    for track in tracks:
        first = by_id.get(track.track_id) or by_packets.setdefault(track.packets_id, track)
        if not layout.song(first.track_id, first.suffix).exists():
            first = track
        if first.track_id != track.track_id:
            drop_song(layout, track)
        named.append(replace(track, track_id=first.track_id, suffix=first.suffix))
    return named


def _find_moved(known: Mapping[str, Track], tracks: Sequence[Track]) -> dict[str, Track]:
    """Give the known tracks that have lost the file they came from, now that they came again."""
    places = defaultdict(list)
    for track in tracks:
        places[track.track_id].append(track.location)
    return {
        track_id: old for track_id, old in known.items() if is_gone(old.location, places[track_id])
    }


def _judge_copy(track: Track, first: Track) -> Outcome:
    arrived = Outcome(
        location=track.location,
        genre=track.genre,
        result=Result.OK,
        stage=Stage.DOWNLOAD,
        track_id=track.track_id,
    )
    if track.location == first.location:
        return arrived
    return replace(
        arrived,
        result=Result.DUPLICATE,
        stage=Stage.DUPLICATES,
        reason=Reason.DUPLICATE_CONTENT,
        message=tell_content_copy(show_location(first.location), first.genre),
    )


def _tell_move(old: Track, new: Track) -> Outcome:
    return Outcome(
        location=old.location,
        genre=old.genre,
        result=Result.DUPLICATE,
        stage=Stage.DUPLICATES,
        reason=Reason.DUPLICATE_CONTENT,
        message=tell_move(show_location(new.location), new.genre),
        track_id=old.track_id,
    )


def _interrupted(sources: Sequence[Source], judged: set[str]) -> list[Outcome]:
    return [
        Outcome(
            location=source.location,
            genre=source.genre,
            result=Result.RETRYABLE,
            stage=Stage.DOWNLOAD,
            reason=Reason.INTERRUPTED,
            message="the program failed on the chunk of this song; its log says why. Run it again.",
        )
        for source in sources
        if source.location not in judged
    ]

"""Ingest: list the songs, fetch what is new, record what became of each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prefect import get_run_logger, task

from genre_core.errors import TrackRejected, TransientError
from genre_core.labels import label_source
from genre_core.records import Outcome, Reason, Result, Source, Stage, Track
from storage.catalog.songs import record_songs, select_new_sources
from storage.download import DownloadLimits, fetch_song
from storage.layout import DataLayout
from storage.parts import sweep_parts
from storage.sources.listing import list_sources
from storage.web.addresses import show_location


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a chunk of sources gave: tracks in storage, and the songs that gave none."""

    tracks: tuple[Track, ...] = ()
    outcomes: tuple[Outcome, ...] = ()


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
) -> list[Source]:
    """List the songs of a library, give them genres, and leave out those that are done."""
    listed = list_sources(music)
    sources = list({source.location: source for source in listed}.values())
    if len(sources) < len(listed):
        get_run_logger().warning("%s songs are listed twice", len(listed) - len(sources))
    labelled = [label_source(source, genre_map or {}, genres) for source in sources]
    if unknown := Counter(source.genre for source in labelled if source.label_fault):
        get_run_logger().warning("labels of no genre, and their songs: %s", dict(unknown))
    return select_new_sources(layout, labelled)


@task
def download_chunk(
    layout: DataLayout, sources: Sequence[Source], limits: DownloadLimits, genres: Sequence[str]
) -> Fetched:
    """Fetch songs into storage; a song that cannot be had is an outcome, not an error."""
    results = [_fetch(layout, source, limits, genres) for source in sources]
    return Fetched(
        tracks=tuple(result for result in results if isinstance(result, Track)),
        outcomes=tuple(result for result in results if isinstance(result, Outcome)),
    )


@task
def record_wave(layout: DataLayout, judged: Fetched) -> None:
    """Record tracks and outcomes in the catalog, in one transaction."""
    record_songs(layout, judged.tracks, judged.outcomes)


def _fetch(
    layout: DataLayout, source: Source, limits: DownloadLimits, genres: Sequence[str]
) -> Track | Outcome:
    """Fetch one song; one that fails for no foreseen reason leaves the others be."""
    try:
        _require_known_genre(source, genres)
        track = fetch_song(source, layout, limits)
    except TrackRejected as rejection:
        return _left_out(source, Result.QUARANTINED, Reason(rejection.reason), str(rejection))
    except TransientError as error:
        reason = Reason(error.reason or Reason.UNREACHABLE)
        return _left_out(source, Result.RETRYABLE, reason, str(error))
    except Exception as error:
        get_run_logger().exception("%s was left out", show_location(source.location))
        sentence = f"the program failed on it: {type(error).__name__}: {error}"
        return _left_out(source, Result.RETRYABLE, Reason.INTERRUPTED, sentence)
    return replace(track, is_builtin=Path(source.location).is_relative_to(layout.builtin))


def _require_known_genre(source: Source, genres: Sequence[str]) -> None:
    if source.label_fault:
        raise TrackRejected(Reason.LABEL_UNKNOWN, source.label_fault)
    if genres and source.genre not in genres:
        raise TrackRejected(
            Reason.LABEL_UNKNOWN,
            f"the genre {source.genre!r} is not among the genres of the settings: "
            f"{', '.join(genres)}. Add it to `genres`, or correct the label.",
        )


def _left_out(source: Source, result: Result, reason: Reason, message: str) -> Outcome:
    return Outcome(
        location=source.location,
        genre=source.genre,
        result=result,
        stage=Stage.DOWNLOAD,
        reason=reason,
        message=message,
    )

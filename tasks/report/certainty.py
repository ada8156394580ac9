"""How sure predictions may be: sets of alternatives and unknown songs, by source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genre_core.audit.songs import AuditedSong, collection_of, name_sources
from genre_core.evaluation.bootstrap import Interval, interval_rng
from genre_core.evaluation.certainty import (
    AssessedSong,
    Certainty,
    SourceSummary,
    set_coverage,
    summarise,
    summarise_sources,
)
from genre_core.networks.registry import HEADS
from genre_core.records import Split
from storage.catalog.audits import read_audited_songs
from storage.catalog.runs import Run, read_assessed, read_run
from storage.home import DataLayout
from storage.models.champion import Champion, ExportUnusable, read_export

SHOWN_LEVELS = ("collection", "folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class NightCertainty:
    """What the champion's predictions of known songs say of themselves.

    Attributes
    ----------
    sources : tuple of SourceSummary
        The source with the most songs first; empty where ``note`` says why.
    total : SourceSummary or None
        All songs.
    coverage : Interval or None
        Share of the sets that hold the true genre.
    asked : Certainty
        What was asked for; unfitted where the champion is not exported.
    """

    sources: tuple[SourceSummary, ...] = ()
    total: SourceSummary | None = None
    coverage: Interval | None = None
    asked: Certainty = field(default_factory=Certainty)
    note: str = ""


def measure_certainty(layout: DataLayout, champion: Champion | None) -> NightCertainty:
    """Count what the champion predicted for songs that it was not fitted on, by source.

    These are test songs, and validation songs of a head, which training songs alone have fitted.
    """
    if champion is None:
        return NightCertainty(note="There is no champion yet.")
    run = read_run(layout, champion.run_id)
    if run is None:
        return NightCertainty(note="The champion is of no run of this store.")
    songs = _read_songs(layout, run)
    if not songs:
        return NightCertainty(
            note="The champion was trained by an older genreflow: its predictions name no "
            "alternatives."
        )
    return NightCertainty(
        sources=tuple(summarise_sources(songs)),
        total=summarise("all", songs),
        coverage=set_coverage(songs, interval_rng(run.snapshot_id)),
        asked=_read_asked(layout),
    )


def describe_certainty(found: NightCertainty) -> dict[str, Any]:
    """Return sentences and rows for the report."""
    rows = [_row(summary) for summary in found.sources]
    return {"certainty": _sentences(found), "certainty_sources": rows}


def _read_songs(layout: DataLayout, run: Run) -> list[AssessedSong]:
    splits = (Split.VALIDATION, Split.TEST) if run.network in HEADS else (Split.TEST,)
    rows = read_assessed(layout, run.run_id, splits)
    known = read_audited_songs(layout, run.snapshot_id) if rows else []
    level, sources = name_sources(known)
    if level not in SHOWN_LEVELS:  # a row an album would say nothing
        sources = {song.track_id: collection_of(song) for song in known}
    by_track = {song.track_id: song for song in known}
    return [
        _assessed_song(row, by_track[row["track_id"]], sources)
        for row in rows
        if row["track_id"] in by_track
    ]


def _assessed_song(
    row: Mapping[str, Any], song: AuditedSong, sources: Mapping[str, str]
) -> AssessedSong:
    return AssessedSong(
        source=sources[song.track_id],
        group_id=song.group_id,
        is_covered=row["genre"] in row["alternatives"],
        n_alternatives=len(row["alternatives"]),
        unknown=row["unknown"],
    )


def _read_asked(layout: DataLayout) -> Certainty:
    try:
        return read_export(layout.champion).certainty
    except ExportUnusable:
        return Certainty()


def _sentences(found: NightCertainty) -> list[str]:
    if found.total is None:
        return [found.note]
    return [_of_sets(found, found.total), _of_unknown(found, found.total)]


def _of_sets(found: NightCertainty, total: SourceSummary) -> str:
    asked = "" if found.asked.coverage is None else f", {found.asked.coverage:.2f} asked for"
    sentence = (
        f"{total.n_covered} of {total.n_songs} sets of alternatives hold the genre of their song: "
        f"{found.coverage}{asked}; {total.mean_alternatives:.1f} genres a set."
    )
    if found.asked.least_probability != 0:
        return sentence
    return f"{sentence} Songs were too few to leave any genre out, so every set holds all of them."


def _of_unknown(found: NightCertainty, total: SourceSummary) -> str:
    if total.n_unknown is None:
        return (
            "Nobody can say which songs are unknown: the champion reads spectrograms, or was "
            "trained on songs of fewer than five artists."
        )
    novelty = found.asked.novelty
    accepted = f", {novelty.refuse_share:.2f} accepted" if novelty else ""
    return (
        f"{total.n_unknown} of these {total.n_songs} songs, whose genres the champion knows, are "
        f"called unknown: {total.n_unknown / total.n_songs:.2f}{accepted}."
    )


def _row(summary: SourceSummary) -> dict[str, Any]:
    return {
        "source": summary.source,
        "n_songs": summary.n_songs,
        "held": f"{summary.n_covered} of {summary.n_songs}",
        "mean_alternatives": f"{summary.mean_alternatives:.1f}",
        "unknown": "–" if summary.n_unknown is None else str(summary.n_unknown),
    }

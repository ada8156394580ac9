"""Measures of the nightly report: confidence of predictions by source, and drift of new songs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from genre_core.audit.songs import AuditedSong, collection_of, name_sources
from genre_core.drift import FEWEST_SONGS, Drift, adjust, compare_genres, compare_values
from genre_core.errors import GenreflowError
from genre_core.evaluation.bootstrap import Float64Array, Interval, interval_rng
from genre_core.evaluation.certainty import (
    AssessedSong,
    Certainty,
    SourceSummary,
    set_coverage,
    summarise,
    summarise_sources,
)
from genre_core.examples import Float32Array
from genre_core.networks.registry import HEADS
from genre_core.records import Split
from genre_core.representations.embeddings import song_examples
from storage.catalog.audits import read_audited_songs
from storage.catalog.connection import open_catalog
from storage.catalog.nightly import DriftSong, read_drift_songs
from storage.catalog.runs import Run, read_assessed, read_run
from storage.examples import read_examples
from storage.home import DataLayout
from storage.models.champion import Champion, ExportUnusable, read_export
from tasks.predict import Classifier, find_champion, load_classifier

SHOWN_LEVELS = ("collection", "folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class NightCertainty:
    """Confidence of the champion's predictions of songs that it was not fitted on.

    Attributes
    ----------
    sources : tuple of SourceSummary
        The source with the most songs first; empty where ``note`` says why.
    total : SourceSummary or None
        All songs.
    coverage : Interval or None
        Share of the sets that hold the true genre.
    target : Certainty
        Thresholds of the champion; unfitted where it is not exported.
    """

    sources: tuple[SourceSummary, ...] = ()
    total: SourceSummary | None = None
    coverage: Interval | None = None
    target: Certainty = field(default_factory=Certainty)
    note: str = ""


def measure_certainty(layout: DataLayout, champion: Champion | None) -> NightCertainty:
    """Count what the champion predicted for songs that it was not fitted on, by source.

    These are test songs, and validation songs of a head, which training songs alone have fitted.
    """
    if champion is None:
        return NightCertainty(note="There is no champion yet.")
    with open_catalog(layout) as catalog:
        run = read_run(catalog, champion.run_id)
    if run is None:
        return NightCertainty(note="The champion is of no run of this store.")
    songs = _read_songs(layout, run)
    if not songs:
        return NightCertainty(note="The champion was evaluated on no song of this library.")
    return NightCertainty(
        sources=tuple(summarise_sources(songs)),
        total=summarise("all", songs),
        coverage=set_coverage(songs, interval_rng(run.snapshot_id)),
        target=_read_target(layout, champion),
    )


def describe_certainty(found: NightCertainty) -> dict[str, Any]:
    """Return sentences and rows for the report."""
    rows = [_row(summary) for summary in found.sources]
    return {"certainty": _sentences(found), "certainty_sources": rows}


def _read_songs(layout: DataLayout, run: Run) -> list[AssessedSong]:
    splits = (Split.VALIDATION, Split.TEST) if run.network in HEADS else (Split.TEST,)
    with open_catalog(layout) as catalog:
        rows = read_assessed(catalog, run.run_id, splits)
        known = read_audited_songs(catalog, layout, run.snapshot_id) if rows else []
    level, sources = name_sources(known)
    if level not in SHOWN_LEVELS:  # one row per album would be too fine
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


def _read_target(layout: DataLayout, champion: Champion) -> Certainty:
    try:
        return read_export(layout.champion).certainty
    except ExportUnusable:
        return Certainty()


def _sentences(found: NightCertainty) -> list[str]:
    if found.total is None:
        return [found.note]
    return [_of_sets(found, found.total), _of_unknown(found, found.total)]


def _of_sets(found: NightCertainty, total: SourceSummary) -> str:
    target = "" if found.target.coverage is None else f", target {found.target.coverage:.2f}"
    sentence = (
        f"{total.n_covered} of {total.n_songs} sets of alternatives hold the genre of their song: "
        f"{found.coverage}{target}; {total.mean_alternatives:.1f} genres a set."
    )
    if found.target.least_probability != 0:
        return sentence
    return f"{sentence} Too few songs to leave any genre out: every set holds all of them."


def _of_unknown(found: NightCertainty, total: SourceSummary) -> str:
    if total.n_unknown is None:
        return (
            "Unknown songs are not detected: the champion reads spectrograms, or was "
            "trained on songs of fewer than five artists."
        )
    novelty = found.target.novelty
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


StrArray = npt.NDArray[np.str_]

MAX_SONGS = 500
MAX_LEVELS = 12
"""Neighbouring bands are averaged above this number, so that few tests are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedSong:
    """What drift looks at in one song; ``levels`` are means by band, ``confidence`` tempered."""

    song: DriftSong
    levels: Float64Array
    genre: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NightDrift:
    """The answers of a night, the songs that they rest on, and what is to be known beside."""

    drifts: tuple[Drift, ...] = ()
    songs: tuple[PredictedSong, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()


def measure_drift(layout: DataLayout, since: datetime) -> NightDrift:
    """Compare the songs that came since a moment with validation songs of before.

    Notes
    -----
    New songs are compared with validation songs, not training songs: a model is more confident of
    songs that it was trained on, so every new song would seem to drift.
    """
    try:
        champion = find_champion(layout)
        if champion is None:
            return NightDrift(notes=("There is no champion yet that could predict new songs.",))
        with open_catalog(layout) as catalog:
            songs, shards = read_drift_songs(catalog, champion.run_id, since, MAX_SONGS)
        n_new = sum(song.is_new for song in songs)
        if min(n_new, len(songs) - n_new) < FEWEST_SONGS:
            return NightDrift(notes=(_too_few(n_new, len(songs) - n_new),))
        predicted = predict_shards(layout, load_classifier(layout), songs, shards)
    except GenreflowError as error:
        return NightDrift(notes=(f"Drift could not be measured: {error}",))
    return NightDrift(drifts=compare_all(predicted), songs=tuple(predicted), notes=_notes(songs))


def predict_shards(
    layout: DataLayout, classifier: Classifier, songs: Sequence[DriftSong], shards: Sequence[str]
) -> list[PredictedSong]:
    """Predict songs from their examples in the shards; nothing is decoded again.

    An embedding has no bands, and so no levels.
    """
    of_any = dict.fromkeys((song.track_id for song in songs), classifier.genres[0])
    examples = read_examples(layout, shards, of_any, classifier.genres)
    if classifier.features.embedding:
        examples = song_examples(examples)
    probabilities = classifier.predict_genres(examples.matrices)
    ids = examples.track_ids.astype(str)
    predicted = []
    for song in songs:
        rows = _rows(ids, song.track_id)
        tempered = classifier.calibrate_song(probabilities[rows])
        predicted.append(
            PredictedSong(
                song=song,
                levels=_levels(classifier, examples.matrices[rows]),
                genre=classifier.genres[int(tempered.argmax())],
                confidence=float(tempered.max()),
            )
        )
    return predicted


def compare_all(predicted: Sequence[PredictedSong]) -> tuple[Drift, ...]:
    """Ask for every level, for loudness and cutoff where measured, for genres and confidence."""
    unseen = [one for one in predicted if not one.song.is_trained_on]
    drifts = [_compare_level(predicted, band) for band in range(len(predicted[0].levels))]
    drifts += [
        _compare("loudness (dB)", predicted, lambda one: one.song.loudness_db),
        _compare("cutoff (Hz)", predicted, lambda one: one.song.cutoff_hz),
        _compare("confidence", unseen, lambda one: one.confidence),
    ]
    new, known = (
        [one.genre for one in unseen if one.song.is_new is side] for side in (True, False)
    )
    genres = compare_genres("predicted genres", new, known, interval_rng("drift"))
    return adjust([genres, drifts.pop(), *drifts])


def values_of(
    predicted: Sequence[PredictedSong], is_new: bool, value: Callable[[PredictedSong], float]
) -> Float64Array:
    """Return a number of each song of one side, float64 [shape=(n_songs,)]."""
    return np.array([value(one) for one in predicted if one.song.is_new is is_new], np.float64)


def _compare_level(predicted: Sequence[PredictedSong], band: int) -> Drift:
    return _compare(f"level of band {band + 1}", predicted, lambda one: one.levels[band])


def _compare(
    name: str, predicted: Sequence[PredictedSong], value: Callable[[PredictedSong], float]
) -> Drift:
    return compare_values(
        name, values_of(predicted, True, value), values_of(predicted, False, value)
    )


def _rows(ids: StrArray, track_id: str) -> slice:
    """Find the rows of a song; examples are ordered by track."""
    return slice(int(np.searchsorted(ids, track_id)), int(np.searchsorted(ids, track_id, "right")))


def _levels(classifier: Classifier, matrices: Float32Array) -> Float64Array:
    """Return mean levels of bands, a few bands together; none of an embedding."""
    if classifier.features.embedding:
        return np.zeros(0)
    levels = matrices.mean(axis=(0, 2), dtype=np.float64)
    parts = np.array_split(levels, min(len(levels), MAX_LEVELS))
    return np.array([part.mean() for part in parts])


def _too_few(n_new: int, n_known: int) -> str:
    return (
        f"Too few songs: {n_new} new songs and {n_known} validation songs of before have "
        f"spectrograms as the champion reads them; {FEWEST_SONGS} on each side are needed."
    )


def _notes(songs: Sequence[DriftSong]) -> tuple[str, ...]:
    n_trained_on = sum(song.is_new and song.is_trained_on for song in songs)
    notes = [
        "New songs stand beside validation songs of the champion's snapshot, not beside its "
        "training songs, of which it is more confident.",
        "Songs count one by one: a new album can raise an alarm by itself.",
    ]
    if n_trained_on:
        notes.append(
            f"{n_trained_on} new songs are training songs of the champion already; genres and "
            "confidence leave them out."
        )
    return tuple(notes)

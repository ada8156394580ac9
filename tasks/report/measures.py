"""Measures of the nightly report: confidence of predictions by source, and drift of new songs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

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
from genre_core.records import Split, counted
from genre_core.representations.embeddings import song_examples
from storage.catalog.nightly import DriftSong
from storage.catalog.runs import Run, read_assessed, read_places
from storage.examples import read_examples
from storage.home import DataLayout
from storage.models.champion import Champion, ExportUnusable, read_export
from tasks.champion import load_classifier
from tasks.predict import Classifier

if TYPE_CHECKING:
    from storage.catalog.connection import Catalog

SHOWN_LEVELS = ("collection", "folder")
MAX_SONGS = 500
MAX_LEVELS = 12
"""Neighbouring bands are averaged above this number, so that few tests are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertaintyFacts:
    """Confidence of the champion's predictions of songs that it was not fitted on.

    ``sources`` are empty for the reason in ``note``; ``coverage`` is the share of the sets that
    contain the true genre; ``target`` are the thresholds of the champion, unfitted without export.
    """

    sources: Sequence[SourceSummary] = ()
    total: SourceSummary | None = None
    coverage: Interval | None = None
    target: Certainty = field(default_factory=Certainty)
    note: str = ""


def read_assessed_songs(catalog: Catalog, run: Run) -> list[AssessedSong]:
    """Return the songs that a run was not fitted on, with the certainty of its predictions.

    These are test songs, and validation songs of a head, which training songs alone have fitted.
    """
    splits = (Split.VALIDATION, Split.TEST) if run.network in HEADS else (Split.TEST,)
    rows = read_assessed(catalog, run.run_id, splits)
    sources = _name_places(read_places(catalog, run.run_id)) if rows else {}
    return [AssessedSong(source=sources[row.pop("place"), row.pop("genre")], **row) for row in rows]


def _name_places(places: Sequence[Mapping[str, str]]) -> dict[tuple[str, str], str]:
    """Name the source of each place and genre, whose songs are of one collection and folder."""
    songs = [
        AuditedSong(
            track_id=str(n),
            genre=place["genre"],
            split=Split.TEST,
            assigned="",
            group_id="",
            split_level="",
            location=place["place"],
        )
        for n, place in enumerate(places)
    ]
    level, sources = name_sources(songs)
    if level not in SHOWN_LEVELS:  # one row per album would be too fine
        sources = {song.track_id: collection_of(song) for song in songs}
    return {(song.location, song.genre): sources[song.track_id] for song in songs}


def measure_certainty(
    layout: DataLayout, champion: Champion | None, run: Run | None, songs: Sequence[AssessedSong]
) -> CertaintyFacts:
    """Count what the champion predicted for songs that it was not fitted on, by source."""
    if champion is None:
        return CertaintyFacts(note="There is no champion yet.")
    if run is None:
        return CertaintyFacts(note="The champion is of no run of this store.")
    if not songs:
        return CertaintyFacts(note="The champion was evaluated on no song of this library.")
    try:
        target = read_export(layout.champion).certainty
    except ExportUnusable:
        target = Certainty()
    return CertaintyFacts(
        sources=summarise_sources(songs),
        total=summarise("all", songs),
        coverage=set_coverage(songs, interval_rng(run.snapshot_id)),
        target=target,
    )


def describe_certainty(found: CertaintyFacts) -> dict[str, Any]:
    """Return sentences and rows for the report."""
    total = found.total
    sentences = (
        [found.note] if total is None else [_of_sets(found, total), _of_unknown(found, total)]
    )
    rows = [
        {
            "source": one.source,
            "n_songs": one.n_songs,
            "held": f"{one.n_covered} of {one.n_songs}",
            "mean_alternatives": f"{one.mean_alternatives:.1f}",
            "unknown": "–" if one.n_unknown is None else str(one.n_unknown),
        }
        for one in found.sources
    ]
    return {"certainty": sentences, "certainty_sources": rows}


def _of_sets(found: CertaintyFacts, total: SourceSummary) -> str:
    target = "" if found.target.coverage is None else f", target {found.target.coverage:.2f}"
    sentence = (
        f"{total.n_covered} of {total.n_songs} sets of alternatives hold the genre of their song: "
        f"{found.coverage}{target}; {total.mean_alternatives:.1f} genres a set."
    )
    if found.target.least_probability != 0:
        return sentence
    return f"{sentence} Too few songs to leave any genre out: every set holds all of them."


def _of_unknown(found: CertaintyFacts, total: SourceSummary) -> str:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedSong:
    """A song whose drift is tested; ``levels`` are means by band, ``confidence`` is calibrated."""

    song: DriftSong
    levels: Float64Array
    genre: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFacts:
    """The tests of a nightly run, the songs that they rest on, and remarks."""

    drifts: Sequence[Drift] = ()
    songs: Sequence[PredictedSong] = field(default=(), repr=False)
    notes: Sequence[str] = ()


def measure_drift(
    layout: DataLayout,
    champion: Champion | None,
    songs: Sequence[DriftSong],
    shards: Sequence[str],
) -> DriftFacts:
    """Compare new songs with validation songs of before.

    They are not compared with training songs: a model is more confident of songs that it was
    trained on, so every new song would seem to drift.
    """
    if champion is None:
        return DriftFacts(notes=["There is no champion yet that could predict new songs."])
    n_new = sum(song.is_new for song in songs)
    if min(n_new, len(songs) - n_new) < FEWEST_SONGS:
        return DriftFacts(
            notes=[
                f"Too few songs: only {counted(n_new, 'new song')} and "
                f"{counted(len(songs) - n_new, 'validation song')} of before "
                "have spectrograms as the champion reads them; "
                f"{FEWEST_SONGS} on each side are needed."
            ]
        )
    try:
        predicted = predict_shards(layout, load_classifier(layout), songs, shards)
    except GenreflowError as error:
        return DriftFacts(notes=[f"Drift could not be measured: {error}"])
    notes = [
        "New songs are compared with validation songs of the champion's snapshot, not with its "
        "training songs, of which it is more confident.",
        "Songs count one by one: a new album can raise an alarm by itself.",
    ]
    if n_trained_on := sum(song.is_new and song.is_trained_on for song in songs):
        notes.append(
            f"{counted(n_trained_on, 'new song is a', 'new songs are')} training "
            f"{'song' if n_trained_on == 1 else 'songs'} of the champion already; genres and "
            "confidence leave them out."
        )
    return DriftFacts(drifts=_compare(predicted), songs=predicted, notes=notes)


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
        start, end = (int(np.searchsorted(ids, song.track_id, side)) for side in ("left", "right"))
        tempered = classifier.calibrate_song(probabilities[start:end])
        predicted.append(
            PredictedSong(
                song=song,
                levels=_levels(classifier, examples.matrices[start:end]),
                genre=classifier.genres[int(tempered.argmax())],
                confidence=float(tempered.max()),
            )
        )
    return predicted


def values_of(
    predicted: Sequence[PredictedSong], value: Callable[[PredictedSong], float | Float64Array]
) -> tuple[Float64Array, Float64Array]:
    """Return a value of each new song, and of each known one: (n_songs, ...) both."""
    new, known = (
        np.array([value(one) for one in predicted if one.song.is_new is is_new], np.float64)
        for is_new in (True, False)
    )
    return new, known


def _compare(predicted: Sequence[PredictedSong]) -> tuple[Drift, ...]:
    """Test genres, confidence, every level, and loudness and cut-off where measured."""
    unseen = [one for one in predicted if not one.song.is_trained_on]
    new, known = (
        [one.genre for one in unseen if one.song.is_new is is_new] for is_new in (True, False)
    )
    sides = [side.T for side in values_of(predicted, lambda one: one.levels)]
    levels = [
        compare_values(f"level of band {band}", of_new, of_known)
        for band, (of_new, of_known) in enumerate(zip(*sides, strict=True), start=1)
    ]
    return adjust(
        [
            compare_genres("predicted genres", new, known, interval_rng("drift")),
            compare_values("confidence", *values_of(unseen, lambda one: one.confidence)),
            *levels,
            compare_values(
                "loudness (dB)", *values_of(predicted, lambda one: one.song.loudness_db)
            ),
            compare_values("cutoff (Hz)", *values_of(predicted, lambda one: one.song.cutoff_hz)),
        ]
    )


def _levels(classifier: Classifier, matrices: Float32Array) -> Float64Array:
    """Return mean levels of bands, a few bands together; none of an embedding."""
    if classifier.features.embedding:
        return np.zeros(0)
    levels = matrices.mean(axis=(0, 2), dtype=np.float64)
    parts = np.array_split(levels, min(len(levels), MAX_LEVELS))
    return np.array([part.mean() for part in parts])

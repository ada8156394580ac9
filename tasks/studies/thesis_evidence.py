"""Evidence for the claims of the thesis, gathered from the store."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from prefect import task

from genre_core.errors import GenreflowError
from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.evaluation.songs import FragmentedSongs
from genre_core.records import Split, Track
from genre_core.studies.claims.evidence import (
    Aggregation,
    Ballad,
    CountedKernels,
    Difference,
    Evidence,
    KernelStudy,
    Key,
    Loudness,
    NetworkScore,
    PrunedNetwork,
    accuracy_difference,
    aggregation_of,
    compared_pairs,
    loudness_of,
    score_network,
    shared_difference,
)
from genre_core.studies.kernels.counts import Mean
from storage.audio.decode import Cut, cut_song
from storage.catalog.connection import open_catalog
from storage.catalog.runs import Run, read_predicted_splits, read_runs_of_genres
from storage.catalog.snapshots import Placement, read_groups, read_placements
from storage.catalog.songs import known_tracks
from storage.home import DataLayout
from storage.reports import read_document
from tasks.studies.thesis_runs import Chosen, choose_runs, predict_test_songs, read_histories

BALLADS = {"ballad", "ballads"}

Predicted = Mapping[Key, Sequence[FragmentedSongs]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The test fragment that the figures show; ``choice`` describes how it was chosen."""

    track: Track
    fragment: int
    choice: str

    @property
    def title(self) -> str:
        """What people read: artist and title, or the name of the file."""
        named = " - ".join(part for part in (self.track.artist, self.track.title) if part)
        return named or self.track.location.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The evidence, the runs that it rests on, and the sample of the figures."""

    chosen: Chosen
    evidence: Evidence
    sample: Sample


@task
def gather_evidence(layout: DataLayout) -> Gathered:
    """Predict the test songs by the finished runs, and measure what the claims are about."""
    chosen = choose_runs(layout)
    predicted = predict_test_songs(layout, chosen)
    with open_catalog(layout) as catalog:
        placed = read_placements(catalog, chosen.snapshot.snapshot_id)
        groups = read_groups(catalog, chosen.snapshot.snapshot_id)
    tested = [place for place in placed if place.split is Split.TEST]
    shown = _shown_network(chosen, predicted)
    sample = _choose_sample(layout, predicted, shown, tested)
    evidence = Evidence(
        genres=chosen.snapshot.genres,
        largest_share=max(Counter(place.genre for place in tested).values()) / len(tested),
        n_songs=len(tested),
        n_groups=len({groups[place.track_id] for place in tested}),
        fragment_s=chosen.fragment_s,
        scores={key: _score(chosen, key, seeds) for key, seeds in predicted.items()},
        differences=_differences(chosen, predicted),
        histories=read_histories(layout, chosen) if predicted else {},
        kernels=read_kernel_study(layout, chosen),
        aggregation=_aggregation(chosen, predicted, shown),
        ballad=compare_ballad(layout, chosen),
        loudness=_loudness(layout, chosen, sample),
    )
    return Gathered(chosen=chosen, evidence=evidence, sample=sample)


def _score(chosen: Chosen, key: Key, seeds: Sequence[FragmentedSongs]) -> NetworkScore:
    runs = chosen.runs[key]
    run_ids = [run.run_id for run in runs]
    epoch_s = float(np.mean([run.seconds / run.epochs for run in runs]))
    library_id = chosen.snapshot.library_id
    return score_network(key, seeds, library_id, run_ids, runs[0].n_parameters, epoch_s)


def _differences(chosen: Chosen, predicted: Predicted) -> dict[tuple[Key, Key], Difference]:
    library_id = chosen.snapshot.library_id
    return {
        (ours, theirs): accuracy_difference(predicted[ours], predicted[theirs], library_id)
        for ours, theirs in compared_pairs(chosen.fragment_s)
        if ours in predicted and theirs in predicted
    }


def _shown_network(chosen: Chosen, predicted: Predicted) -> Key | None:
    """Return the network of votes and sample: `cnn`, or the best on validation."""
    keys = [key for key in predicted if key[1] == chosen.fragment_s]
    if ("cnn", chosen.fragment_s) in keys:
        return "cnn", chosen.fragment_s
    return max(keys, key=lambda key: chosen.runs[key][0].validation_macro_f1, default=None)


def _aggregation(chosen: Chosen, predicted: Predicted, shown: Key | None) -> Aggregation | None:
    if shown is None:
        return None
    return aggregation_of(predicted[shown], shown[0], chosen.snapshot.library_id)


def _choose_sample(
    layout: DataLayout, predicted: Predicted, shown: Key | None, tested: Sequence[Placement]
) -> Sample:
    """Choose the test fragment of the most confident right prediction of a network."""
    track_id, fragment, choice = tested[0].track_id, 0, "the first test song"
    if shown is not None:
        track_id, fragment = _most_confident(predicted[shown][0])
        choice = f"the test fragment of the most confident right prediction of `{shown[0]}`"
    with open_catalog(layout) as catalog:
        track = known_tracks(catalog, [track_id])[track_id]
    return Sample(track=track, fragment=fragment, choice=choice)


def _most_confident(songs: FragmentedSongs) -> tuple[str, int]:
    confidence = [
        np.where(rows.argmax(axis=1) == label, rows.max(axis=1), 0)
        for rows, label in zip(songs.fragments, songs.labels, strict=True)
    ]
    song = int(np.argmax([of_song.max() for of_song in confidence]))
    return str(songs.track_ids[song]), int(confidence[song].argmax())


def _loudness(layout: DataLayout, chosen: Chosen, sample: Sample) -> Loudness:
    features = replace(chosen.features, representation="thesis")
    try:
        return loudness_of(cut_sample(layout, chosen, sample).fragments, features)
    except GenreflowError as error:
        return Loudness(fault=str(error))


def cut_sample(layout: DataLayout, chosen: Chosen, sample: Sample) -> Cut:
    """Cut the fragments of the sample from its original.

    Raises
    ------
    GenreflowError
        If the original is gone or cannot be decoded.
    """
    track = sample.track
    path = layout.song(track.track_id, track.suffix)
    if not path.exists():
        raise GenreflowError(
            f"the original of {sample.title} is missing in {layout.songs}; run `genreflow doctor "
            "--repair`, so that the next ingest fetches it again."
        )
    return cut_song(path, track.track_id, track.facts, chosen.features.fragments)


def read_kernel_study(layout: DataLayout, chosen: Chosen) -> KernelStudy:
    """Read the results of the last study of kernels, if it was made on this library."""
    folder = layout.reports / "kernels"
    counts: dict[str, Any] | None = read_document(folder, "kernel_counts")
    pruning: dict[str, Any] | None = read_document(folder, "pruning")
    if counts is None or pruning is None:
        return KernelStudy(fault="there is no study of kernels yet; run `genreflow kernels`.")
    known = {run.run_id for run in chosen.comparable}
    if any(row["run_id"] not in known for row in pruning["pruned"]):
        return KernelStudy(
            fault="the last study of kernels was made on another library; run `genreflow kernels` "
            "again."
        )
    return KernelStudy(
        counts=tuple(_counted(row) for row in counts["networks"]),
        pruned=tuple(_pruned(row) for row in pruning["pruned"]),
    )


def _counted(row: Mapping[str, Any]) -> CountedKernels:
    best, reached = _mean(row["best_validation_accuracy"]), row["epochs_to_reach"]
    return CountedKernels(
        n_first=row["kernels"][0],
        n_second=row["kernels"][1],
        best=best,
        levels=tuple(at["level"] for at in reached),
        epochs=tuple(
            _mean(at["epochs"]) if at["n_reached"] == best.n_seeds else None for at in reached
        ),
    )


def _mean(document: Mapping[str, Any]) -> Mean:
    """Read a mean; an interval that was not a number is null in the document."""
    ends: dict[str, Any] = {k: float("nan") if v is None else v for k, v in document.items()}
    return Mean(**ends)


def _pruned(row: Mapping[str, Any]) -> PrunedNetwork:
    return PrunedNetwork(
        n_full=sum(row["of"]),
        n_kept=sum(row["kernels"]),
        accuracy_full=row["test_fragment_accuracy_full"],
        accuracy=row["test_fragment_accuracy"],
    )


def compare_ballad(layout: DataLayout, chosen: Chosen) -> Ballad:
    """Compare `cnn` trained with ballad with `cnn` on the same library without it."""
    genres = chosen.snapshot.genres
    others = [genre for genre in genres if genre.casefold() not in BALLADS]
    if len(others) == len(genres):
        return Ballad(
            fault="the library has no genre `ballad`. Add one, and train `cnn` with it and "
            "without it (`--genre`)."
        )
    ours = chosen.at_length("cnn")
    with open_catalog(layout) as catalog:
        theirs = read_runs_of_genres(catalog, chosen.snapshot.feature_key, others, "cnn")
    if not ours or not theirs:
        return Ballad(fault=_untrained_ballad(chosen.fragment_s, others))
    with_ballad, without = (_test_predictions(layout, runs, genres) for runs in (ours, theirs))
    library_id = chosen.snapshot.library_id
    try:
        difference, n_songs = shared_difference(with_ballad, without, library_id)
    except ValueError as error:
        return Ballad(fault=f"the two cannot be paired: {error}")
    return Ballad(difference=difference, n_songs=n_songs)


def _untrained_ballad(fragment_s: float, others: Sequence[str]) -> str:
    named = " ".join(f"--genre {genre}" for genre in others)
    command = f"genreflow train --network cnn --fragment-s {fragment_s:g}"
    return (
        f"`cnn` must be trained without ballad (`{command} {named}`), then with all genres "
        f"(`{command}`)."
    )


def _test_predictions(
    layout: DataLayout, runs: Sequence[Run], genres: Sequence[str]
) -> SongPredictions:
    """Return the predictions of runs on test songs, as numbers among all genres."""
    with open_catalog(layout) as catalog:
        read = read_predicted_splits(catalog, [run.run_id for run in runs])
    tested = [one for one in read if one.split == Split.TEST]
    first, predicted = tested[0], [one.predicted for one in tested]
    return predictions_by_name(first.track_ids, first.group_ids, first.labels, predicted, genres)

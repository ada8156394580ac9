"""Evidence for the claims of the thesis, gathered from the store."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genre_core.audit.songs import AuditedSong
from genre_core.errors import GenreflowError
from genre_core.evaluation.songs import FragmentedSongs
from genre_core.records import SnapshotChoice, Split, Track
from genre_core.studies.claims.checks import NO_FRAGMENTS
from genre_core.studies.claims.evidence import (
    CountedKernels,
    Difference,
    Evidence,
    KernelStudy,
    Key,
    NetworkScore,
    PrunedNetwork,
    accuracy_difference,
    aggregation_of,
    compared_pairs,
    loudness_of,
    score_network,
)
from genre_core.studies.kernels.counts import Mean
from storage.audio.decode import Cut, cut_song
from storage.catalog.audits import Audit, read_audited_songs, read_library_audit
from storage.catalog.connection import open_catalog
from storage.catalog.songs import known_tracks
from storage.home import DataLayout
from storage.reports import read_document
from tasks.orchestrator import task
from tasks.studies.thesis_runs import (
    Chosen,
    choose_runs,
    compare_ballad,
    predict_test_songs,
    read_histories,
)

Predicted = Mapping[Key, Sequence[FragmentedSongs]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The test fragment that the figures show; ``choice`` describes how it was chosen."""

    track: Track
    fragment: int
    choice: str

    @property
    def title(self) -> str:
        """Artist and title, or the name of the file."""
        named = " - ".join(part for part in (self.track.artist, self.track.title) if part)
        return named or self.track.location.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The evidence, the runs and songs that it rests on, and the sample of the figures.

    ``audit`` is the last one of these songs.
    """

    chosen: Chosen
    evidence: Evidence
    sample: Sample
    songs: Sequence[AuditedSong]
    audit: Audit | None


@task
def gather_evidence(layout: DataLayout, choice: SnapshotChoice) -> Gathered:
    """Predict the test songs by the finished runs, and measure what the claims are about."""
    with open_catalog(layout) as catalog:
        chosen = choose_runs(catalog, layout, choice)
        snapshot = chosen.snapshot
        songs = read_audited_songs(catalog, layout, snapshot.snapshot_id)
        tested = [song for song in songs if song.split is Split.TEST]
        tracks = known_tracks(catalog, [song.track_id for song in tested])
        audit = read_library_audit(catalog, snapshot.library_id)
        ballad = compare_ballad(catalog, chosen)
    predicted = predict_test_songs(layout, chosen)
    shown = _shown_network(chosen)
    sample = _choose_sample(tracks[tested[0].track_id], tracks, predicted, shown)
    library_id = snapshot.library_id
    evidence = Evidence(
        genres=snapshot.genres,
        largest_share=max(Counter(song.genre for song in tested).values()) / len(tested),
        n_songs=len(tested),
        n_groups=len({song.group_id for song in tested}),
        fragment_s=chosen.fragment_s,
        scores={key: _score(chosen, key, seeds) for key, seeds in predicted.items()},
        differences=_differences(chosen, predicted),
        histories=read_histories(layout, chosen),
        kernels=read_kernel_study(layout, chosen),
        aggregation=(
            aggregation_of(predicted[shown], shown[0], library_id) if shown else NO_FRAGMENTS
        ),
        ballad=ballad,
        loudness=_loudness(layout, chosen, sample),
    )
    return Gathered(chosen=chosen, evidence=evidence, sample=sample, songs=songs, audit=audit)


def _score(chosen: Chosen, key: Key, seeds: Sequence[FragmentedSongs]) -> NetworkScore:
    runs = chosen.runs[key]
    run_ids = [run.run_id for run in runs]
    epoch_s = float(np.mean([run.seconds / run.epochs for run in runs]))
    library_id = chosen.snapshot.library_id
    return score_network(key, seeds, library_id, run_ids, runs[0].n_parameters, epoch_s)


def _differences(chosen: Chosen, predicted: Predicted) -> dict[tuple[Key, Key], Difference | str]:
    library_id = chosen.snapshot.library_id
    return {
        (ours, theirs): accuracy_difference(predicted[ours], predicted[theirs], library_id)
        for ours, theirs in compared_pairs(chosen.fragment_s)
        if ours in predicted and theirs in predicted
    }


def _shown_network(chosen: Chosen) -> Key | None:
    """Return the network of votes and sample: `cnn`, or the best on validation."""
    keys = [key for key in chosen.runs if key[1] == chosen.fragment_s]
    if ("cnn", chosen.fragment_s) in keys:
        return "cnn", chosen.fragment_s
    return max(keys, key=lambda key: chosen.runs[key][0].validation_macro_f1, default=None)


def _choose_sample(
    first: Track, tracks: Mapping[str, Track], predicted: Predicted, shown: Key | None
) -> Sample:
    """Choose the test fragment of the most confident right prediction of a network."""
    if shown is None:
        return Sample(track=first, fragment=0, choice="the first test song")
    songs = predicted[shown][0]
    confidence = [
        np.where(rows.argmax(axis=1) == label, rows.max(axis=1), 0)
        for rows, label in zip(songs.fragments, songs.labels, strict=True)
    ]
    song = int(np.argmax([of_song.max() for of_song in confidence]))
    choice = f"the test fragment of the most confident right prediction of `{shown[0]}`"
    return Sample(
        track=tracks[str(songs.track_ids[song])],
        fragment=int(confidence[song].argmax()),
        choice=choice,
    )


def _loudness(layout: DataLayout, chosen: Chosen, sample: Sample) -> float | str:
    features = replace(chosen.features, representation="thesis")
    try:
        return loudness_of(cut_sample(layout, chosen, sample).fragments, features)
    except GenreflowError as error:
        return str(error)


def cut_sample(layout: DataLayout, chosen: Chosen, sample: Sample) -> Cut:
    """Cut the fragments of the sample; GenreflowError if its original is gone or broken."""
    track = sample.track
    path = layout.song(track.track_id, track.suffix)
    if not path.exists():
        raise GenreflowError(
            f"the original of {sample.title} is missing in {layout.songs}; run `genreflow doctor "
            "--repair`, so that the next ingest fetches it again."
        )
    return cut_song(path, track.track_id, track.facts, chosen.features.fragments)


def read_kernel_study(layout: DataLayout, chosen: Chosen) -> KernelStudy | str:
    """Read the results of the last study of kernels, if it was made on this library."""
    folder = layout.reports / "kernels"
    counts: dict[str, Any] | None = read_document(folder, "kernel_counts")
    pruning: dict[str, Any] | None = read_document(folder, "pruning")
    if counts is None or pruning is None:
        return "there is no study of kernels yet; run `genreflow kernels`."
    known = {run.run_id for run in chosen.comparable}
    if any(row["run_id"] not in known for row in pruning["pruned"]):
        return (
            "the last study of kernels was made on another library; run `genreflow kernels` again."
        )
    pruned = tuple(
        PrunedNetwork(
            n_full=sum(row["of"]),
            n_kept=sum(row["kernels"]),
            accuracy_full=row["test_fragment_accuracy_full"],
            accuracy=row["test_fragment_accuracy"],
        )
        for row in pruning["pruned"]
    )
    return KernelStudy(counts=tuple(map(_counted, counts["networks"])), pruned=pruned)


def _counted(row: Mapping[str, Any]) -> CountedKernels:
    best, reached = _mean(row["best_validation_accuracy"]), row["epochs_to_reach"]
    epochs = {at["level"]: _mean(at["epochs"]) for at in reached if at["n_reached"] == best.n_seeds}
    n_first, n_second = row["kernels"]
    return CountedKernels(n_first=n_first, n_second=n_second, best=best, epochs=epochs)


def _mean(document: Mapping[str, Any]) -> Mean:
    """Read a mean; an interval that was not a number is null in the document."""
    ends: dict[str, Any] = {k: float("nan") if v is None else v for k, v in document.items()}
    return Mean(**ends)

"""Evidence: what the store tells of the claims of the thesis."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from prefect import task

from genre_core.errors import GenreflowError
from genre_core.evaluation.bootstrap import interval_rng
from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.evaluation.significance import score_intervals
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
    by_fragment,
    by_song,
    compared_pairs,
    confusion_of,
    loudness_of,
    shared_difference,
)
from genre_core.studies.kernels.counts import Mean
from storage.audio.cutting import Cut, cut_song
from storage.catalog.connection import open_catalog
from storage.catalog.runs import Run, read_predicted_splits, read_runs_of_genres
from storage.catalog.snapshots import Placement, read_groups, read_placements
from storage.catalog.songs import known_tracks
from storage.home import DataLayout
from storage.reports import read_document
from tasks.studies.thesis_runs import Chosen, choose_runs, hear_test_songs, read_courses

BALLADS = {"ballad", "ballads"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The test fragment that the figures show; ``said`` tells how it was chosen."""

    track: Track
    fragment: int
    said: str

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
    """Let the finished runs judge the test songs, and measure what the claims speak of."""
    chosen = choose_runs(layout)
    heard = hear_test_songs(layout, chosen)
    placed = read_placements(layout, chosen.snapshot.snapshot_id)
    tested = [place for place in placed if place.split is Split.TEST]
    groups = read_groups(layout, chosen.snapshot.snapshot_id)
    sample = _choose_sample(layout, chosen, heard, tested)
    evidence = Evidence(
        genres=chosen.snapshot.genres,
        largest_share=max(Counter(place.genre for place in tested).values()) / len(tested),
        n_songs=len(tested),
        n_groups=len({groups[place.track_id] for place in tested}),
        fragment_s=chosen.fragment_s,
        scores={key: _score(chosen, key, seeds) for key, seeds in heard.items()},
        differences=_differences(chosen, heard),
        courses=read_courses(layout, chosen) if heard else {},
        kernels=read_kernel_study(layout, chosen),
        aggregation=_aggregation(chosen, heard),
        ballad=weigh_ballad(layout, chosen),
        loudness=_loudness(layout, chosen, sample),
    )
    return Gathered(chosen=chosen, evidence=evidence, sample=sample)


def _score(chosen: Chosen, key: Key, seeds: Sequence[FragmentedSongs]) -> NetworkScore:
    runs, library_id = chosen.runs[key], chosen.snapshot.library_id
    fragments = by_fragment(seeds)
    return NetworkScore(
        network=key[0],
        fragment_s=key[1],
        run_ids=tuple(run.run_id for run in runs),
        by_fragment=score_intervals(fragments, interval_rng(library_id)).accuracy,
        by_song=score_intervals(by_song(seeds), interval_rng(library_id)).accuracy,
        confusion=confusion_of(fragments),
        n_parameters=runs[0].n_parameters,
        epoch_s=float(np.mean([run.seconds / run.epochs for run in runs])),
    )


def _differences(
    chosen: Chosen, heard: Mapping[Key, Sequence[FragmentedSongs]]
) -> dict[tuple[Key, Key], Difference]:
    return {
        (ours, theirs): accuracy_difference(heard[ours], heard[theirs], chosen.snapshot.library_id)
        for ours, theirs in compared_pairs(chosen.fragment_s)
        if ours in heard and theirs in heard
    }


def _telling(chosen: Chosen, heard: Mapping[Key, Sequence[FragmentedSongs]]) -> Key | None:
    """Give the network whose votes are looked at: `cnn`, or the best on validation."""
    keys = [key for key in heard if key[1] == chosen.fragment_s]
    if ("cnn", chosen.fragment_s) in keys:
        return "cnn", chosen.fragment_s
    return max(keys, key=lambda key: chosen.runs[key][0].validation_macro_f1, default=None)


def _aggregation(
    chosen: Chosen, heard: Mapping[Key, Sequence[FragmentedSongs]]
) -> Aggregation | None:
    key = _telling(chosen, heard)
    if key is None:
        return None
    return aggregation_of(heard[key], key[0], chosen.snapshot.library_id)


def _choose_sample(
    layout: DataLayout,
    chosen: Chosen,
    heard: Mapping[Key, Sequence[FragmentedSongs]],
    tested: Sequence[Placement],
) -> Sample:
    """Choose the test fragment that a network is surest of among those it gets right."""
    key = _telling(chosen, heard)
    track_id, fragment, said = tested[0].track_id, 0, "the first test song"
    if key is not None:
        track_id, fragment = _surest(heard[key][0])
        said = f"the test fragment that `{key[0]}` gets right and is surest of"
    with open_catalog(layout) as catalog:
        track = known_tracks(catalog, [track_id])[track_id]
    return Sample(track=track, fragment=fragment, said=said)


def _surest(songs: FragmentedSongs) -> tuple[str, int]:
    sureness = [
        np.where(said.argmax(axis=1) == label, said.max(axis=1), 0)
        for said, label in zip(songs.fragments, songs.labels, strict=True)
    ]
    song = int(np.argmax([sure.max() for sure in sureness]))
    return str(songs.track_ids[song]), int(sureness[song].argmax())


def _loudness(layout: DataLayout, chosen: Chosen, sample: Sample) -> Loudness:
    features = replace(chosen.features, representation="thesis")
    try:
        return loudness_of(hear_sample(layout, chosen, sample).fragments, features)
    except GenreflowError as error:
        return Loudness(fault=str(error))


def hear_sample(layout: DataLayout, chosen: Chosen, sample: Sample) -> Cut:
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
            f"the original of {sample.title} is gone from {layout.songs}; `genreflow doctor "
            "--repair` forgets it, so that the next ingest fetches it again."
        )
    return cut_song(path, track.track_id, track.facts, chosen.features.fragments)


def read_kernel_study(layout: DataLayout, chosen: Chosen) -> KernelStudy:
    """Read what the last study of kernels found, if it was made on this library."""
    folder = layout.reports / "kernels"
    counts: dict[str, Any] | None = read_document(folder, "kernel_counts")
    pruning: dict[str, Any] | None = read_document(folder, "pruning")
    if counts is None or pruning is None:
        return KernelStudy(fault="there is no study of kernels yet; `genreflow kernels` makes it.")
    known = {run.run_id for run in chosen.comparable}
    if any(row["run_id"] not in known for row in pruning["pruned"]):
        return KernelStudy(
            fault="the last study of kernels was made on another library; `genreflow kernels` "
            "makes it anew."
        )
    return KernelStudy(
        counts=tuple(_counted(row) for row in counts["networks"]),
        pruned=tuple(_pruned(row) for row in pruning["pruned"]),
    )


def _counted(row: Mapping[str, Any]) -> CountedKernels:
    best = _mean(row["best_validation_accuracy"])
    reached = row["epochs_to_reach"]
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
    """Read a mean; an interval that was no number is null in the document."""
    ends = {end: float("nan") if document[end] is None else document[end] for end in document}
    return Mean(**{**ends, "n_seeds": document["n_seeds"]})


def _pruned(row: Mapping[str, Any]) -> PrunedNetwork:
    return PrunedNetwork(
        n_whole=sum(row["of"]),
        n_kept=sum(row["kernels"]),
        accuracy_whole=row["test_fragment_accuracy_whole"],
        accuracy=row["test_fragment_accuracy"],
    )


def weigh_ballad(layout: DataLayout, chosen: Chosen) -> Ballad:
    """Weigh `cnn` with ballad against `cnn` on the same library without it."""
    genres = chosen.snapshot.genres
    others = [genre for genre in genres if genre.casefold() not in BALLADS]
    if len(others) == len(genres):
        return Ballad(
            fault="the library has no genre `ballad`. Add one, and train `cnn` with it and "
            "without it (`--genre`)."
        )
    ours = chosen.at_length("cnn")
    theirs = read_runs_of_genres(layout, chosen.snapshot.feature_key, others, "cnn")
    if not ours or not theirs:
        named = " ".join(f"--genre {genre}" for genre in others)
        length = f"--fragment-s {chosen.fragment_s:g}"
        return Ballad(
            fault=f"`cnn` must be trained without ballad (`genreflow train --network cnn {length} "
            f"{named}`), then with all genres (`genreflow train --network cnn {length}`)."
        )
    try:
        difference, n_songs = shared_difference(
            _test_judgements(layout, ours, genres),
            _test_judgements(layout, theirs, genres),
            chosen.snapshot.library_id,
        )
    except ValueError as error:
        return Ballad(fault=f"the two cannot be paired: {error}")
    return Ballad(difference=difference, n_songs=n_songs)


def _test_judgements(
    layout: DataLayout, runs: Sequence[Run], genres: Sequence[str]
) -> SongPredictions:
    """Give what runs said of test songs, as numbers among all genres."""
    said = [
        judged
        for judged in read_predicted_splits(layout, [run.run_id for run in runs])
        if judged.split == Split.TEST
    ]
    first = said[0]
    predicted = [judged.predicted for judged in said]
    return predictions_by_name(first.track_ids, first.group_ids, first.labels, predicted, genres)

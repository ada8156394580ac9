"""Benchmark: the songs of an official split, what became of them, and the scores of its runs."""

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genre_core.digests import digest_document
from genre_core.errors import GenreflowError, UsageError
from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.evaluation.songs import CHOOSING_VOTE, vote_on
from genre_core.locations import path_of
from genre_core.records import LEARNING_SPLITS, Split, counted
from genre_core.representations.features import FeatureConfig, name_features
from genre_core.studies.benchmark import (
    BenchmarkScores,
    CommonGenres,
    Crossing,
    SplitSong,
    find_common,
    find_crossings,
    keep_songs,
    predict_among,
    score_songs,
)
from storage.benchmarks.archives import open_places
from storage.benchmarks.splits import OfficialSplit, read_official, write_songs
from storage.benchmarks.tables import match_genres
from storage.catalog.benchmarks import (
    OfficialSong,
    PredictedSong,
    count_stored_sources,
    read_learned_groups,
    read_official_songs,
    read_packets,
    read_probabilities,
    record_official_split,
)
from storage.catalog.connection import open_catalog
from storage.catalog.runs import Run
from storage.catalog.snapshots import (
    Snapshot,
    count_placements,
    read_groups,
    read_placements,
    record_snapshot,
)
from storage.home import DataLayout
from tasks.fitting import predict_stored
from tasks.orchestrator import task
from tasks.spectrograms import key_features
from tasks.splits import find_examples
from tasks.tracked import open_tracked
from tasks.train import Trial
from tasks.workers import in_worker

SONG_CPU_S = 0.6
"""To ingest a clip and to embed it by musicnn, on one core (docs/research/benchmarks.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The official split of a benchmark, the manifest made of it, and what is to be done."""

    official: OfficialSplit
    manifest: Path
    plan: tuple[str, ...]


@task
def list_benchmark(layout: DataLayout, name: str, places: Sequence[Path]) -> Listed:
    """Unpack archives, read the official split, and write its songs as a manifest."""
    official = read_official(name, open_places(places, layout.collections))
    manifest = write_songs(layout.home, official)
    return Listed(official=official, manifest=manifest, plan=tuple(_plan(layout, official)))


def _plan(layout: DataLayout, official: OfficialSplit) -> list[str]:
    """Say what the split holds, and what reading its new songs will take."""
    counts, genres = official.count(), {source.genre for source in official.sources}
    lines = [
        f"{official.title}: {counts[Split.TRAIN]} songs to train on, {counts[Split.VALIDATION]} "
        f"to validate, {counts[Split.TEST]} to test on, of {counted(len(genres), 'genre')}."
    ]
    lines += [f"Left out: {counted(n, 'song')} {why}." for why, n in official.left_out.items()]
    sizes = [_size(source.location) for source in official.sources]
    n_there = sum(size is not None for size in sizes)
    if n_missing := len(sizes) - n_there:
        lines.append(
            f"Missing here: {n_missing} of {counted(len(sizes), 'file')}. Each is listed in the "
            "report; scores without them are not those of the benchmark."
        )
    if n_new := max(0, n_there - _count_stored(layout)):
        n_cores = os.cpu_count() or 1
        minutes = max(1, round(n_new * SONG_CPU_S / n_cores / 60))
        lines.append(
            f"{counted(n_new, 'song is', 'songs are')} new in {layout.home}: some {minutes} min "
            f"on {counted(n_cores, 'core')} to read and embed them, and "
            f"{sum(filter(None, sizes)) / 1e9:.1f} GB for copies. The same command resumes."
        )
    return lines


def _count_stored(layout: DataLayout) -> int:
    """Number of songs that the home has already."""
    if not layout.catalog.exists():
        return 0
    with open_catalog(layout) as catalog:
        return count_stored_sources(catalog)


def _size(location: str) -> int | None:
    try:
        return Path(path_of(location)).stat().st_size
    except OSError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A benchmark in its home: its snapshots, one a feature setting, and its songs."""

    layout: DataLayout
    official: OfficialSplit
    features: tuple[FeatureConfig, ...]
    snapshots: tuple[Snapshot, ...]
    songs: tuple[OfficialSong, ...]


@task
def assign_official(
    layout: DataLayout, official: OfficialSplit, features: Sequence[FeatureConfig]
) -> Prepared:
    """Assign the songs that have examples to their official subsets, and freeze snapshots."""
    with open_catalog(layout) as catalog:
        songs = read_official_songs(catalog, official.subsets)
        track_ids = record_official_split(catalog, songs)
        snapshots = [
            record_snapshot(catalog, key, track_ids, seed=0, for_train=True)
            for key in key_features(features)
        ]
        counts = [count_placements(catalog, one.snapshot_id) for one in snapshots]
    for count in counts:
        there = {split for _, split in count}
        if empty := [str(split) for split in LEARNING_SPLITS if split not in there]:
            raise UsageError(
                f"No song of the official subset {' and '.join(empty)} could be used. "
                f"`genreflow sql --home {layout.home} \"from outcomes where outcome <> 'ok'\"` "
                "shows why."
            )
    return Prepared(
        layout=layout,
        official=official,
        features=tuple(features),
        snapshots=tuple(snapshots),
        songs=tuple(songs),
    )


@task
def open_benchmark(layout: DataLayout, name: str, trials: Sequence[Trial]) -> str:
    """Open the parent run of the trainings in MLflow, the same one for the same trials."""
    from storage.models.runs import resume_sweep

    sweep_id = digest_document(sorted(trial.trial_id for trial in trials))
    tags = {"library_id": trials[0].snapshot.library_id}
    return resume_sweep(open_tracked(layout), f"benchmark {name}", tags, sweep_id)


@task
def close_benchmark(layout: DataLayout, run_id: str) -> None:
    """Close the parent run of the trainings."""
    from storage.models.runs import finish_run

    finish_run(open_tracked(layout), run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcrossScores:
    """Scores of a model on another collection.

    ``among`` chooses among the genres in common, ``any_genre`` among all of the training; ``own``
    is the test split of the training's collection, among the same genres.
    """

    among: BenchmarkScores
    any_genre: BenchmarkScores
    own: BenchmarkScores


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScores:
    """Scores of the runs that differ by seed alone.

    ``clean`` are those on test songs whose artist has no song in training or validation, if these
    are others than all.
    """

    title: str
    network: str
    representation: str
    seeds: tuple[int, ...]
    run_ids: tuple[str, ...]
    test: BenchmarkScores
    clean: BenchmarkScores | None = None
    across: AcrossScores | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaks:
    """Artists and recordings that an official split has in several subsets."""

    artists: Crossing
    recordings: Crossing

    @property
    def sentences(self) -> list[str]:
        """What was found, for people."""
        used = " One song of each recording is used." if self.recordings.keys else ""
        return [self.artists.sentence, self.recordings.sentence + used]


def find_leaks(songs: Sequence[OfficialSong]) -> Leaks:
    """Audit an official split: what of it is in two subsets, also of songs that are left out.

    A recording is named by the files of its songs.
    """
    stored = [song for song in songs if song.track_id]
    files: dict[str, list[str]] = defaultdict(list)
    for song in stored:
        files[song.recording].append(f"{Path(path_of(song.source)).name} ({song.subset})")
    named = {recording: " = ".join(own) for recording, own in files.items()}
    return Leaks(
        artists=find_crossings(
            "artist", (SplitSong(subset=song.subset, keys=song.artists) for song in stored)
        ),
        recordings=find_crossings(
            "recording",
            (SplitSong(subset=song.subset, keys=(named[song.recording],)) for song in stored),
        ),
    )


def count_songs(songs: Sequence[OfficialSong]) -> list[dict[str, object]]:
    """Return, by subset, how many songs are official, how many are used, and why others are not."""
    rows: list[dict[str, object]] = []
    for split in LEARNING_SPLITS:
        own = [song for song in songs if song.subset is split]
        left_out = Counter(song.reason or song.outcome for song in own if not song.is_used)
        rows.append(
            {
                "subset": str(split),
                "official": len(own),
                "used": sum(song.is_used for song in own),
                "left_out": dict(sorted(left_out.items())),
            }
        )
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """Another collection to test on: its snapshots, and the genres in common with the training."""

    prepared: Prepared
    common: CommonGenres
    n_shared: int
    genre_of_track: Mapping[str, str] = field(default_factory=dict)


@task
def match_collections(trained: Prepared, tested: Prepared) -> Tested:
    """Choose the songs to test on: of genres in common, and not among those trained on."""
    names = match_genres(trained.official.collection, tested.official.collection)
    common = find_common(names, trained.snapshots[0].genres, tested.snapshots[0].genres)
    if len(common.trained_name) < 2:
        raise UsageError(
            f"{trained.official.title} and {tested.official.title} have fewer than two genres in "
            f"common: {', '.join(common.trained_name) or 'none'}. Test on another collection."
        )
    known = _packets(trained)
    packets = _packets(tested)
    with open_catalog(tested.layout) as catalog:
        placements = read_placements(catalog, tested.snapshots[0].snapshot_id)
    chosen = [place for place in placements if place.genre in common.trained_name]
    shared = set(known.values())
    new = [p for p in chosen if p.track_id not in known and packets[p.track_id] not in shared]
    return Tested(
        prepared=tested,
        common=common,
        n_shared=len(chosen) - len(new),
        genre_of_track={p.track_id: common.trained_name[p.genre] for p in new},
    )


def _packets(prepared: Prepared) -> dict[str, str]:
    with open_catalog(prepared.layout) as catalog:
        ids = [song.track_id for song in prepared.songs if song.track_id]
        return read_packets(catalog, ids)


@task
def score_models(
    prepared: Prepared, runs: Sequence[Run], tested: Tested | None = None
) -> list[ModelScores]:
    """Score the finished runs on the official test split, and on another collection, if any."""
    if not runs:
        raise GenreflowError("No training of the benchmark has finished; see the log.")
    groups: dict[tuple[str, str, float], list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.seed):
        groups.setdefault((run.network, run.representation, run.fragment_s), []).append(run)
    return [_score_group(prepared, group, tested) for group in groups.values()]


def _score_group(prepared: Prepared, runs: Sequence[Run], tested: Tested | None) -> ModelScores:
    first = runs[0]
    snapshot = next(s for s in prepared.snapshots if s.snapshot_id == first.snapshot_id)
    with open_catalog(prepared.layout) as catalog:
        songs = [read_probabilities(catalog, run.run_id, Split.TEST) for run in runs]
        learned = read_learned_groups(catalog, snapshot.snapshot_id)
    predicted = _as_predictions(songs, snapshot.genres, snapshot.genres)
    is_clean = [group not in learned for group in predicted.group_ids]
    clean = None
    if any(is_clean) and not all(is_clean):
        clean = score_songs(keep_songs(predicted, is_clean), snapshot.genres, snapshot.library_id)
    return ModelScores(
        title=f"{first.network} on {name_features(first.representation, first.fragment_s)}",
        network=first.network,
        representation=first.representation,
        seeds=tuple(run.seed for run in runs),
        run_ids=tuple(run.run_id for run in runs),
        test=score_songs(predicted, snapshot.genres, snapshot.library_id),
        clean=clean,
        across=_score_across(prepared, snapshot, runs, songs, tested) if tested else None,
    )


def _as_predictions(
    songs: Sequence[Sequence[PredictedSong]], genres: Sequence[str], among: Sequence[str]
) -> SongPredictions:
    """Return the most probable genre of each song ``among`` some, a row a seed.

    Songs of other genres are left out; all rows have the same songs.
    """
    kept = [[song for song in row if song.genre in among] for row in songs]
    probabilities = np.array([[song.probabilities for song in row] for row in kept])
    return predictions_by_name(
        [song.track_id for song in kept[0]],
        [song.group_id for song in kept[0]],
        [song.genre for song in kept[0]],
        predict_among(probabilities, genres, among),
        among,
    )


def _score_across(
    prepared: Prepared,
    snapshot: Snapshot,
    runs: Sequence[Run],
    own: Sequence[Sequence[PredictedSong]],
    tested: Tested,
) -> AcrossScores:
    common = list(dict.fromkeys(tested.common.trained_name.values()))
    songs = [_predict_across(prepared, snapshot, run, tested) for run in runs]
    name, genres = f"{snapshot.library_id} {tested.prepared.official.name}", snapshot.genres
    return AcrossScores(
        among=score_songs(_as_predictions(songs, genres, common), common, name),
        any_genre=score_songs(_as_predictions(songs, genres, genres), genres, name),
        own=score_songs(_as_predictions(own, genres, common), common, name),
    )


def _predict_across(
    prepared: Prepared, snapshot: Snapshot, run: Run, tested: Tested
) -> list[PredictedSong]:
    """Predict the songs of another collection by a model of this one."""
    from storage.models.logged import open_network

    nth = prepared.snapshots.index(snapshot)
    theirs, layout = tested.prepared.snapshots[nth], tested.prepared.layout
    with open_catalog(layout) as catalog:
        groups = read_groups(catalog, theirs.snapshot_id)
    chosen = {t: genre for t, genre in tested.genre_of_track.items() if t in groups}
    stored = find_examples(layout, theirs, chosen, snapshot.genres)
    with open_network(open_tracked(prepared.layout), run.model_uri) as file:
        found, _ = in_worker(predict_stored, file, {Split.TEST: stored}, groups)
    songs = found[Split.TEST]
    probabilities = vote_on(songs, CHOOSING_VOTE)
    return [
        PredictedSong(
            track_id=track_id,
            group_id=group_id,
            genre=snapshot.genres[label],
            probabilities=tuple(row.tolist()),
        )
        for track_id, group_id, label, row in zip(
            songs.track_ids, songs.group_ids, songs.labels, probabilities, strict=True
        )
    ]

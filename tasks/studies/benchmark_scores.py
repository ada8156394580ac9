"""Benchmark: the scores of its runs, on the official test split and on another collection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from genre_core.errors import GenreflowError, UsageError
from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.evaluation.songs import CHOOSING_VOTE, vote_on
from genre_core.records import Split
from genre_core.representations.features import name_features
from genre_core.studies.benchmark import (
    BenchmarkScores,
    CommonGenres,
    find_common,
    keep_songs,
    predict_among,
    score_songs,
)
from storage.benchmarks.tables import match_genres
from storage.catalog.benchmarks import (
    PredictedSong,
    read_learned_groups,
    read_packets,
    read_probabilities,
)
from storage.catalog.connection import open_catalog
from storage.catalog.runs import Run
from storage.catalog.snapshots import (
    Snapshot,
    read_groups,
    read_placements,
)
from tasks.fitting import predict_stored
from tasks.orchestrator import task
from tasks.splits import find_examples
from tasks.studies.benchmark import Prepared
from tasks.tracked import open_tracked
from tasks.workers import in_worker


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
class Tested:
    """Another collection to test on: its snapshots, and the genres in common with the training.

    ``n_shared`` songs are left out because the training's collection has them, too, and
    ``n_by_known_artists`` more because it has their artist.
    """

    prepared: Prepared
    common: CommonGenres
    n_shared: int
    n_by_known_artists: int
    genre_of_track: Mapping[str, str] = field(default_factory=dict)


@task
def match_collections(trained: Prepared, tested: Prepared) -> Tested:
    """Choose the songs to test on: of genres in common, by artists that were not trained on."""
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
    artists = {artist for song in trained.songs for artist in song.artists}
    theirs = {song.track_id for song in tested.songs if artists.intersection(song.artists)}
    untrained = [p for p in new if p.track_id not in theirs]
    if not untrained:
        raise UsageError(
            f"All songs of {tested.official.title} in the genres in common are in "
            f"{trained.official.title}, too, or by artists of it. Test on another collection."
        )
    return Tested(
        prepared=tested,
        common=common,
        n_shared=len(chosen) - len(new),
        n_by_known_artists=len(new) - len(untrained),
        genre_of_track={p.track_id: common.trained_name[p.genre] for p in untrained},
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

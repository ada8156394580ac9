"""Challenge: champion and challenger predict the same songs, which neither was trained on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genre_core.errors import CatalogMismatch
from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.evaluation.songs import CHOOSING_VOTE, vote_songs
from genre_core.networks.registry import HEAD, HEADS
from genre_core.promotion import Contest, Decision, PromotionConfig, decide
from genre_core.records import counted
from genre_core.representations.embeddings import song_values
from storage.catalog.connection import open_catalog
from storage.catalog.promotions import (
    Promotion,
    ScoredSong,
    count_challenges,
    read_candidate_runs,
    read_golden,
    read_golden_songs,
    read_predictable,
    read_predicted,
    read_staleness,
    read_validation_songs,
)
from storage.catalog.runs import Prediction, Run, read_run, record_predictions
from storage.catalog.snapshots import Snapshot, find_snapshot
from storage.home import DataLayout
from tasks.keras_import import import_training
from tasks.scores import assess_predictions
from tasks.splits import snapshot_examples
from tasks.tracked import load_model, open_tracked

if TYPE_CHECKING:
    from storage.catalog.connection import Catalog

logger = logging.getLogger(__name__)

LEAST_PREDICTED = 0.5
"""Share of the songs that a model must be able to predict to be scored on them."""


class ModelGone(CatalogMismatch):
    """The model of a run cannot be loaded any more."""

    code = "model-gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Both sides of a challenge, its songs, and what its level and intervals depend on.

    ``former`` is the run of the champion; None if the store does not have it.
    """

    challenger: Run
    champion: Promotion | None
    former: Run | None
    song_set: str
    songs: Sequence[ScoredSong]
    seeded_by: str
    staleness: float
    n_candidates: int
    n_challenges: int


def challenger_name(run: Run) -> str:
    """Name of a challenger for people, such as ``cnn at 3 s``."""
    return f"{run.network} at {run.fragment_s:g} s"


def choose_setting(catalog: Catalog, challenger: Run, champion: Promotion | None) -> Setting:
    """Choose the songs of a challenge.

    These are the golden songs of all genres that either knows or, before any are frozen, validation
    songs.
    """
    former = read_run(catalog, champion.run_id) if champion else None
    ours = _snapshot_of(catalog, challenger)
    theirs = find_snapshot(catalog, former.snapshot_id) if former else None
    genres = sorted({*ours.genres, *(theirs.genres if theirs else ())})
    staleness = (
        read_staleness(catalog, challenger.snapshot_id, former.snapshot_id) if former else 0.0
    )
    golden, n_candidates, n_challenges = read_golden(catalog), 1, 0
    songs = read_golden_songs(catalog, golden.version, genres) if golden else []
    if golden and songs:
        song_set = seeded_by = golden.name
        former_id = former.run_id if former else None
        n_challenges = count_challenges(catalog, golden.name, challenger.run_id, former_id)
    else:
        song_set, seeded_by = "validation", ours.library_id
        former_snapshot = theirs.snapshot_id if theirs else ""
        songs = read_validation_songs(catalog, ours.snapshot_id, former_snapshot)
        candidates = read_candidate_runs(catalog, ours.library_id)
        n_candidates = max(sum(run != former for run in candidates), 1)
    return Setting(
        challenger=challenger,
        champion=champion,
        former=former,
        song_set=song_set,
        songs=songs,
        seeded_by=seeded_by,
        staleness=staleness,
        n_candidates=n_candidates,
        n_challenges=n_challenges,
    )


def evaluate_challenge(
    layout: DataLayout, setting: Setting, objection: str, config: PromotionConfig
) -> Decision:
    """Decide between challenger and champion; songs that one cannot predict count for neither.

    Raises
    ------
    TransientError, CatalogMismatch
        If one of them cannot be scored now: nothing is promoted.
    """
    challenger, former, champion = setting.challenger, setting.former, setting.champion
    ours = predict_songs(layout, challenger, setting.songs)
    theirs, no_champion = _predict_champion(layout, setting)
    predicted = [ours] if no_champion else [ours, theirs]
    songs = [song for song in setting.songs if all(song.track_id in row for row in predicted)]
    if not songs:
        raise CatalogMismatch(
            f"None of {counted(len(setting.songs), 'song')} ({setting.song_set}) has spectrograms "
            f"for {challenger_name(challenger)} and for the champion. Run `genreflow extract`."
        )
    genres = sorted({song.genre for song in songs}.union(*(row.values() for row in predicted)))
    sides = [_song_predictions(songs, row, genres) for row in predicted]
    contest = Contest(
        name=challenger_name(challenger),
        song_set=setting.song_set,
        genres=genres,
        challenger=sides[0],
        champion=None if no_champion else sides[1],
        champion_name=f"version {champion.version}" if champion else "",
        no_champion=no_champion,
        n_left_out=len(setting.songs) - len(songs),
        staleness=setting.staleness,
        n_candidates=setting.n_candidates,
        n_challenges=setting.n_challenges,
        is_other_than_head=bool(former and former.network == HEAD and challenger.network != HEAD),
        is_head_over_other=bool(former and former.network not in HEADS)
        and challenger.network == HEAD,
        objection=objection or _missing_songs(setting, ours),
    )
    return decide(contest, config, setting.seeded_by)


def predict_songs(layout: DataLayout, run: Run, songs: Sequence[ScoredSong]) -> dict[str, str]:
    """Return the predicted genre of each song; new predictions are computed and recorded.

    Songs without examples under the run's feature key are left out.

    Raises
    ------
    TransientError
        If the shards cannot be reached now.
    CatalogMismatch
        If a shard is gone or damaged; `ModelGone` if the model is.
    """
    track_ids = [song.track_id for song in songs]
    with open_catalog(layout) as catalog:
        known = read_predicted(catalog, run.run_id, track_ids)
        new = read_predictable(catalog, run.run_id, track_ids) - known.keys()
        snapshot = _snapshot_of(catalog, run) if new else None
    if snapshot is None:
        return known
    predictions = _predict(layout, run, snapshot, [s for s in songs if s.track_id in new])
    with open_catalog(layout) as catalog:
        record_predictions(catalog, predictions)
    return known | {prediction.track_id: prediction.predicted for prediction in predictions}


def _snapshot_of(catalog: Catalog, run: Run) -> Snapshot:
    snapshot = find_snapshot(catalog, run.snapshot_id)
    if snapshot is None:
        raise CatalogMismatch(f"Snapshot {run.snapshot_id} of run {run.run_id} is gone.")
    return snapshot


def _predict(
    layout: DataLayout, run: Run, snapshot: Snapshot, songs: Sequence[ScoredSong]
) -> list[Prediction]:
    from storage.models.logged import describe_model

    song_of = {song.track_id: song for song in songs}
    genre_of_track = {song.track_id: song.genre for song in songs}
    genres = sorted(set(genre_of_track.values()))
    examples = snapshot_examples(layout, snapshot, genre_of_track, genres)
    try:
        model = load_model(layout, run.model_uri)
    except CatalogMismatch as error:
        raise ModelGone(str(error)) from error
    probabilities = import_training().predict_genres(model, examples.matrices)
    track_ids, by_song = vote_songs(probabilities, examples.track_ids, CHOOSING_VOTE)
    described = describe_model(open_tracked(layout), run.model_uri)
    known = [
        (song_of[name].track_id, song_of[name].split, song_of[name].genre) for name in track_ids
    ]
    return assess_predictions(
        run.run_id,
        snapshot.genres,
        known,
        by_song,
        described.temperature,
        described.certainty,
        song_values(examples),
    )


def _predict_champion(layout: DataLayout, setting: Setting) -> tuple[dict[str, str], str]:
    """Return the predictions of the champion, or why there are none to compare with."""
    if setting.champion is None:
        return {}, "there was no champion"
    name = f"version {setting.champion.version} before it"
    if setting.former is None:
        return {}, f"{name} is of no run of this store"
    try:
        predicted = predict_songs(layout, setting.former, setting.songs)
    except ModelGone as error:
        logger.warning("%s cannot be compared: %s", name, error)
        return {}, f"the model of {name} cannot be loaded any more"
    n_songs = len(setting.songs)
    if len(predicted) >= LEAST_PREDICTED * n_songs:
        return predicted, ""
    missing = f"{n_songs - len(predicted)} of {counted(n_songs, 'song')}"
    return {}, f"{name} cannot predict {missing}, which have no spectrograms under its settings"


def _song_predictions(
    songs: Sequence[ScoredSong], predicted: Mapping[str, str], genres: Sequence[str]
) -> SongPredictions:
    return predictions_by_name(
        [song.track_id for song in songs],
        [song.group_id for song in songs],
        [song.genre for song in songs],
        [[predicted[song.track_id] for song in songs]],
        genres,
    )


def _missing_songs(setting: Setting, predicted: Mapping[str, str]) -> str:
    """Describe a genre of which the challenger can predict too few songs; empty if none."""
    for genre in sorted({song.genre for song in setting.songs}):
        there = [song.track_id in predicted for song in setting.songs if song.genre == genre]
        if sum(there) < LEAST_PREDICTED * len(there):
            return (
                f"{challenger_name(setting.challenger)} is not promoted: {sum(there)} of the "
                f"{len(there)} songs of {genre} ({setting.song_set}) have spectrograms under its "
                "settings. Run `genreflow extract`."
            )
    return ""

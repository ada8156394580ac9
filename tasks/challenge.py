"""Challenge: champion and challenger predict the same songs, which neither was trained on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from genre_core.errors import CatalogMismatch
from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.evaluation.songs import CHOOSING_VOTE, vote_songs
from genre_core.networks.registry import HEAD, HEADS
from genre_core.promotion import Contest, Decision, PromotionConfig, decide
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
from tasks.scores import assess_songs
from tasks.splits import snapshot_examples
from tasks.tracked import load_model

if TYPE_CHECKING:
    from genre_core.examples import Examples
    from storage.catalog.connection import Catalog

logger = logging.getLogger(__name__)

LEAST_PREDICTED = 0.5
"""Share of the songs that a model must be able to predict to be scored on them."""


class ModelGone(CatalogMismatch):
    """The model of a run cannot be loaded any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """The songs of a challenge, and what its level and intervals depend on."""

    judged_on: str
    songs: Sequence[ScoredSong]
    seeded_by: str
    staleness: float = 0.0
    n_candidates: int = 1
    n_challenges: int = 0


def evaluate_challenge(
    layout: DataLayout,
    challenger: Run,
    champion: Promotion | None,
    objection: str,
    config: PromotionConfig,
) -> tuple[Decision, str]:
    """Decide between a challenger and the champion; return also the name of the songs.

    These are the golden songs of all genres that either knows or, before any are frozen, validation
    songs. Those that one of them cannot predict are left out for both.

    Raises
    ------
    TransientError, CatalogMismatch
        If one of them cannot be scored now: nothing is promoted.
    """
    with open_catalog(layout) as catalog:
        former = read_run(catalog, champion.run_id) if champion else None
        setting = _choose_setting(catalog, challenger, former)
    ours = predict_songs(layout, challenger, setting.songs)
    theirs, no_champion = _predict_champion(layout, champion, former, setting.songs)
    predicted = [ours] if no_champion else [ours, theirs]
    songs = [song for song in setting.songs if all(song.track_id in row for row in predicted)]
    if not songs:
        raise CatalogMismatch(
            f"None of the {len(setting.songs)} songs ({setting.judged_on}) has spectrograms for "
            f"{challenger_name(challenger)} and for the champion. Run `genreflow extract`."
        )
    genres = sorted({song.genre for song in songs}.union(*(row.values() for row in predicted)))
    sides = [_song_predictions(songs, row, genres) for row in predicted]
    contest = Contest(
        name=challenger_name(challenger),
        judged_on=setting.judged_on,
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
        objection=objection or _missing_songs(challenger, setting, ours),
    )
    return decide(contest, config, setting.seeded_by), setting.judged_on


def challenger_name(run: Run) -> str:
    """Name of a challenger for people, such as ``cnn at 3 s``."""
    return f"{run.network} at {run.fragment_s:g} s"


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


def _choose_setting(catalog: Catalog, challenger: Run, former: Run | None) -> _Setting:
    """Choose the songs, of every genre that champion or challenger know."""
    ours = _snapshot_of(catalog, challenger)
    theirs = find_snapshot(catalog, former.snapshot_id) if former else None
    genres = sorted({*ours.genres, *(theirs.genres if theirs else ())})
    staleness = (
        read_staleness(catalog, challenger.snapshot_id, former.snapshot_id) if former else 0.0
    )
    golden = read_golden(catalog)
    if golden and (songs := read_golden_songs(catalog, golden.version, genres)):
        return _Setting(
            judged_on=golden.name,
            songs=songs,
            seeded_by=golden.name,
            staleness=staleness,
            n_challenges=count_challenges(
                catalog, golden.name, challenger.run_id, former.run_id if former else None
            ),
        )
    candidates = read_candidate_runs(catalog, ours.library_id)
    return _Setting(
        judged_on="validation",
        songs=read_validation_songs(
            catalog, ours.snapshot_id, theirs.snapshot_id if theirs else ""
        ),
        seeded_by=ours.library_id,
        staleness=staleness,
        n_candidates=max(sum(run != former for run in candidates), 1),
    )


def _predict_champion(
    layout: DataLayout,
    champion: Promotion | None,
    former: Run | None,
    songs: Sequence[ScoredSong],
) -> tuple[dict[str, str], str]:
    """Return the champion's predictions, or why there is no champion to compare with.

    Raises
    ------
    GenreflowError
        If it cannot predict now, but may later: it stays champion.
    """
    if champion is None:
        return {}, "there was no champion"
    name = f"version {champion.version} before it"
    if former is None:
        return {}, f"{name} is of no run of this store"
    try:
        predicted = predict_songs(layout, former, songs)
    except ModelGone as error:
        logger.warning("%s cannot be compared: %s", name, error)
        return {}, f"the model of {name} cannot be loaded any more"
    if len(predicted) >= LEAST_PREDICTED * len(songs):
        return predicted, ""
    missing = f"{len(songs) - len(predicted)} of {len(songs)} songs"
    return {}, f"{name} cannot predict {missing}, which have no spectrograms under its settings"


def _snapshot_of(catalog: Catalog, run: Run) -> Snapshot:
    snapshot = find_snapshot(catalog, run.snapshot_id)
    if snapshot is None:
        raise CatalogMismatch(f"Snapshot {run.snapshot_id} of run {run.run_id} is gone.")
    return snapshot


def _predict(
    layout: DataLayout, run: Run, snapshot: Snapshot, songs: Sequence[ScoredSong]
) -> list[Prediction]:
    genre_of_track = {song.track_id: song.genre for song in songs}
    examples = snapshot_examples(
        layout, snapshot, genre_of_track, sorted(set(genre_of_track.values()))
    )
    rows = _probabilities(layout, run, examples)
    assessed = assess_songs(layout, run, snapshot.genres, rows, examples)
    return [
        Prediction(
            run_id=run.run_id,
            track_id=song.track_id,
            split=song.split,
            genre=song.genre,
            predicted=snapshot.genres[int(np.argmax(rows[song.track_id]))],
            probability=max(rows[song.track_id]),
            probabilities=rows[song.track_id],
            **asdict(assessed[song.track_id]),
        )
        for song in songs
    ]


def _probabilities(
    layout: DataLayout, run: Run, examples: Examples
) -> dict[str, tuple[float, ...]]:
    """Probability of each genre, by track."""
    try:
        model = load_model(layout, run.model_uri)
    except CatalogMismatch as error:
        raise ModelGone(str(error)) from error
    probabilities = import_training().predict_genres(model, examples.matrices)
    track_ids, by_song = vote_songs(probabilities, examples.track_ids, CHOOSING_VOTE)
    return {name: tuple(row.tolist()) for name, row in zip(track_ids, by_song, strict=True)}


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


def _missing_songs(challenger: Run, setting: _Setting, predicted: Mapping[str, str]) -> str:
    """Describe a genre of which the challenger can predict too few songs; empty if none."""
    for genre in sorted({song.genre for song in setting.songs}):
        there = [song.track_id in predicted for song in setting.songs if song.genre == genre]
        if sum(there) < LEAST_PREDICTED * len(there):
            return (
                f"{challenger_name(challenger)} is not promoted: {sum(there)} of the "
                f"{len(there)} songs of {genre} ({setting.judged_on}) have spectrograms under its "
                "settings. Run `genreflow extract`."
            )
    return ""

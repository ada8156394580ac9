"""Challenge: champion and challenger judge the same songs, which neither has trained on."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from genre_core.errors import CatalogMismatch, GenreflowError
from genre_core.evaluation.predictions import SongPredictions, predictions_by_name
from genre_core.evaluation.songs import CHOOSING_VOTE, vote_songs
from genre_core.examples import Examples
from genre_core.networks.registry import HEAD, HEADS
from genre_core.promotion import Contest, Decision, PromotionConfig, decide
from storage.catalog.audits import read_snapshot
from storage.catalog.promotions import (
    ScoredSong,
    read_candidate_runs,
    read_golden,
    read_golden_songs,
    read_predictable,
    read_predicted,
    read_staleness,
    read_validation_songs,
    record_predictions,
)
from storage.catalog.runs import Prediction, Run, read_run
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout
from tasks.keras_import import import_training
from tasks.scores import assess_songs
from tasks.splits import snapshot_examples
from tasks.tracked import load_model

if TYPE_CHECKING:
    from storage.models.champion import Champion

logger = logging.getLogger(__name__)

LEAST_PREDICTED = 0.5
"""A network that can judge a smaller share of the songs than this is not judged by them."""


class ModelGone(CatalogMismatch):
    """The network of a run cannot be loaded any more."""


def predict_songs(layout: DataLayout, run: Run, songs: Sequence[ScoredSong]) -> dict[str, str]:
    """Give the genre that a run takes each song for; what is new is computed and recorded.

    Songs without examples under the run's feature key are left out.

    Raises
    ------
    TransientError
        If the shards cannot be reached now.
    CatalogMismatch
        If a shard is gone or damaged; `ModelGone` if the network is.
    """
    track_ids = [song.track_id for song in songs]
    said = read_predicted(layout, run.run_id, track_ids)
    judgeable = read_predictable(layout, run.run_id, track_ids) - said.keys()
    if not judgeable:
        return said
    predictions = _predict(layout, run, [song for song in songs if song.track_id in judgeable])
    record_predictions(layout, predictions)
    return said | {prediction.track_id: prediction.predicted for prediction in predictions}


def hear_champion(
    layout: DataLayout, reigning: "Champion | None", songs: Sequence[ScoredSong]
) -> tuple[dict[str, str], str]:
    """Give what the champion says of the songs that it can judge, or why it can be succeeded.

    Raises
    ------
    GenreflowError
        If it cannot be heard now, but may be once the trouble is mended: it stays.
    """
    if reigning is None:
        return {}, "there was no champion"
    name = f"version {reigning.version} before it"
    run = read_run(layout, reigning.run_id)
    if run is None or read_snapshot(layout, run.snapshot_id) is None:
        return {}, f"{name} is of no run of this store"
    try:
        said = predict_songs(layout, run, songs)
    except ModelGone as error:
        logger.warning("%s cannot be asked: %s", name, error)
        return {}, f"the network of {name} cannot be loaded any more"
    if len(said) >= LEAST_PREDICTED * len(songs):
        return said, ""
    missing = f"{len(songs) - len(said)} of {len(songs)} songs"
    return {}, f"{name} cannot judge {missing}, which have no spectrograms under its settings"


def snapshot_of(layout: DataLayout, run: Run) -> Snapshot:
    """Give the snapshot that a run was trained on.

    Raises
    ------
    GenreflowError
        If it is gone.
    """
    snapshot = read_snapshot(layout, run.snapshot_id)
    if snapshot is None:
        raise GenreflowError(f"the snapshot {run.snapshot_id} of run {run.run_id} is gone.")
    return snapshot


def _predict(layout: DataLayout, run: Run, songs: Sequence[ScoredSong]) -> list[Prediction]:
    """Let the network of a run hear songs."""
    snapshot = snapshot_of(layout, run)
    examples = _read_examples(layout, snapshot, songs)
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


def _read_examples(layout: DataLayout, snapshot: Snapshot, songs: Sequence[ScoredSong]) -> Examples:
    genre_of_track = {song.track_id: song.genre for song in songs}
    genres = sorted({song.genre for song in songs})
    return snapshot_examples(layout, snapshot, genre_of_track, genres)


def _probabilities(
    layout: DataLayout, run: Run, examples: Examples
) -> dict[str, tuple[float, ...]]:
    """Give the probability of each genre, by track."""
    try:
        network = load_model(layout, run.model_uri)
    except CatalogMismatch as error:
        raise ModelGone(str(error)) from error
    said = import_training().predict_genres(network, examples.matrices)
    track_ids, by_song = vote_songs(said, examples.track_ids, CHOOSING_VOTE)
    return {name: tuple(row.tolist()) for name, row in zip(track_ids, by_song, strict=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """The songs that judge, and what their intervals are drawn by.

    ``n_candidates`` counts the networks that the challenger was chosen among on these songs.
    """

    judged_on: str
    songs: Sequence[ScoredSong]
    seeded_by: str
    n_candidates: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hearing:
    """What the challenger and, unless ``no_champion`` says why not, the champion have said.

    ``objection`` says that the challenger can judge too few songs, if so.
    """

    genres: Sequence[str]
    challenger: SongPredictions
    champion: SongPredictions | None
    no_champion: str
    n_left_out: int
    objection: str


def evaluate_challenge(
    layout: DataLayout,
    challenger: Run,
    reigning: "Champion | None",
    objection: str,
    config: PromotionConfig,
) -> tuple[Decision, str]:
    """Decide between a challenger and the champion; say on which songs.

    These are the golden songs of all genres that either knows or, before any are frozen, validation
    songs. Those that one of them cannot judge are left out for both.

    Raises
    ------
    TransientError, CatalogMismatch
        If one of them cannot be heard now: the champion stays.
    """
    former = read_run(layout, reigning.run_id) if reigning else None
    bench = _bench(layout, challenger, former)
    hearing = _hear(layout, challenger, reigning, bench)
    contest = Contest(
        name=challenger_name(challenger),
        judged_on=bench.judged_on,
        genres=hearing.genres,
        challenger=hearing.challenger,
        champion=hearing.champion,
        champion_name=f"version {reigning.version}" if reigning else "",
        no_champion=hearing.no_champion,
        n_left_out=hearing.n_left_out,
        staleness=_staleness(layout, challenger, former),
        n_candidates=bench.n_candidates,
        is_other_than_head=bool(former and former.network == HEAD and challenger.network != HEAD),
        is_head_over_other=bool(former and former.network not in HEADS)
        and challenger.network == HEAD,
        objection=objection or hearing.objection,
    )
    return decide(contest, config, bench.seeded_by), bench.judged_on


def challenger_name(run: Run) -> str:
    """Give what people read of a challenger, such as ``cnn at 3 s``."""
    return f"{run.network} at {run.fragment_s:g} s"


def _bench(layout: DataLayout, challenger: Run, former: Run | None) -> _Bench:
    """Choose the songs that judge: of every genre that champion or challenger know."""
    ours = snapshot_of(layout, challenger)
    theirs = read_snapshot(layout, former.snapshot_id) if former else None
    genres = sorted({*ours.genres, *(theirs.genres if theirs else ())})
    golden = read_golden(layout)
    songs = read_golden_songs(layout, golden.version, genres) if golden else []
    if golden and songs:
        return _Bench(judged_on=golden.name, songs=songs, seeded_by=golden.name)
    songs = read_validation_songs(layout, ours.snapshot_id, theirs.snapshot_id if theirs else "")
    others = [run for run in read_candidate_runs(layout) if run != former]
    return _Bench(
        judged_on="validation",
        songs=songs,
        seeded_by=ours.library_id,
        n_candidates=max(len(others), 1),
    )


def _hear(
    layout: DataLayout, challenger: Run, reigning: "Champion | None", bench: _Bench
) -> _Hearing:
    """Let both judge the songs, and keep those that both have judged."""
    ours = predict_songs(layout, challenger, bench.songs)
    theirs, no_champion = hear_champion(layout, reigning, bench.songs)
    said = [ours] if no_champion else [ours, theirs]
    songs = [song for song in bench.songs if all(song.track_id in row for row in said)]
    if not songs:
        raise CatalogMismatch(
            f"None of the {len(bench.songs)} songs ({bench.judged_on}) has "
            f"spectrograms for {challenger_name(challenger)} and for the champion; "
            "`genreflow extract` makes them."
        )
    genres = sorted({song.genre for song in songs}.union(*(row.values() for row in said)))
    sides = [_judged(songs, row, genres) for row in said]
    return _Hearing(
        genres=genres,
        challenger=sides[0],
        champion=None if no_champion else sides[1],
        no_champion=no_champion,
        n_left_out=len(bench.songs) - len(songs),
        objection=_objection(challenger, bench, ours),
    )


def _judged(
    songs: Sequence[ScoredSong], said: Mapping[str, str], genres: Sequence[str]
) -> SongPredictions:
    return predictions_by_name(
        [song.track_id for song in songs],
        [song.group_id for song in songs],
        [song.genre for song in songs],
        [[said[song.track_id] for song in songs]],
        genres,
    )


def _objection(challenger: Run, bench: _Bench, said: Mapping[str, str]) -> str:
    """Say of which genre the challenger can judge too few songs; empty if of none."""
    for genre in sorted({song.genre for song in bench.songs}):
        heard = [song.track_id in said for song in bench.songs if song.genre == genre]
        if sum(heard) < LEAST_PREDICTED * len(heard):
            return (
                f"{challenger_name(challenger)} does not become the champion: {sum(heard)} of the "
                f"{len(heard)} songs of {genre} ({bench.judged_on}) have spectrograms under its "
                "settings; `genreflow extract` makes them."
            )
    return ""


def _staleness(layout: DataLayout, challenger: Run, former: Run | None) -> float:
    return read_staleness(layout, challenger.snapshot_id, former.snapshot_id) if former else 0.0

"""Challenge: champion and challenger judge the same songs, which neither has trained on."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from genre_core.bootstrap import interval_rng
from genre_core.errors import GenreflowError
from genre_core.judgements import judge_by_name
from genre_core.promotion import Contest, Decision, PromotionConfig, decide
from genre_core.voting import CHOOSING_VOTE, vote_songs
from storage.catalog.audits import read_snapshot
from storage.catalog.challenges import (
    JudgedSong,
    read_golden_songs,
    read_said,
    read_staleness,
    read_validation_songs,
    record_said,
)
from storage.catalog.extraction import shard_names
from storage.catalog.golden import read_golden
from storage.catalog.runs import Prediction, Run, read_run
from storage.catalog.snapshots import Snapshot
from storage.examples import read_examples
from storage.layout import DataLayout
from tasks.keras_import import import_training
from tasks.studies import load_model

if TYPE_CHECKING:
    from storage.tracking.alias import Champion

logger = logging.getLogger(__name__)


def judge_challenge(
    layout: DataLayout,
    challenger: Run,
    reigning: "Champion | None",
    objection: str,
    config: PromotionConfig,
) -> tuple[Decision, str]:
    """Decide between a challenger and the champion; say on which songs.

    These are the golden songs of the challenger's genres or, before any are frozen, the validation
    songs of its snapshot. A champion that cannot judge them is succeeded.
    """
    snapshot = _snapshot(layout, challenger)
    judged_on, songs = _judged_songs(layout, snapshot)
    ours = hear_songs(layout, challenger, songs)
    theirs, no_champion = _hear_champion(layout, reigning, songs)
    said = [ours, *([theirs] if theirs else [])]
    genres = sorted({song.genre for song in songs}.union(*(row.values() for row in said)))
    track_ids = [song.track_id for song in songs]
    groups, labels = [s.group_id for s in songs], [s.genre for s in songs]
    sides = [
        judge_by_name(track_ids, groups, labels, [[row[name] for name in track_ids]], genres)
        for row in said
    ]
    contest = Contest(
        name=f"{challenger.network} at {challenger.fragment_s:g} s",
        judged_on=judged_on,
        genres=genres,
        challenger=sides[0],
        champion=sides[1] if theirs else None,
        champion_name=f"version {reigning.version}" if reigning else "",
        no_champion=no_champion,
        staleness=_staleness(layout, challenger, reigning),
        objection=objection,
    )
    return decide(contest, config, interval_rng(f"{judged_on} {snapshot.library_id}")), judged_on


def hear_songs(layout: DataLayout, run: Run, songs: Sequence[JudgedSong]) -> dict[str, str]:
    """Give the genre that a run takes each song for; what is new is computed and recorded.

    Raises
    ------
    GenreflowError
        If the run's network or the songs' examples under its feature key are gone.
    """
    said = read_said(layout, run.run_id, [song.track_id for song in songs])
    unheard = [song for song in songs if song.track_id not in said]
    if not unheard:
        return said
    predictions = _predict(layout, run, unheard)
    record_said(layout, predictions)
    return said | {prediction.track_id: prediction.predicted for prediction in predictions}


def _predict(layout: DataLayout, run: Run, songs: Sequence[JudgedSong]) -> list[Prediction]:
    """Let the network of a run hear songs."""
    snapshot = _snapshot(layout, run)
    genre_of_track = {song.track_id: song.genre for song in songs}
    shards = shard_names(layout, snapshot.feature_key)
    examples = read_examples(layout, shards, genre_of_track, sorted({s.genre for s in songs}))
    network = load_model(layout, run.model_uri)
    said = import_training().predict_genres(network, examples.matrices)
    track_ids, by_song = vote_songs(said, examples.track_ids, CHOOSING_VOTE)
    rows = dict(zip(track_ids.tolist(), by_song, strict=True))
    return [
        Prediction(
            run_id=run.run_id,
            track_id=song.track_id,
            split=song.split,
            genre=song.genre,
            predicted=snapshot.genres[int(np.argmax(rows[song.track_id]))],
            probability=float(rows[song.track_id].max()),
            probabilities=tuple(rows[song.track_id].tolist()),
        )
        for song in songs
    ]


def _hear_champion(
    layout: DataLayout, reigning: "Champion | None", songs: Sequence[JudgedSong]
) -> tuple[dict[str, str] | None, str]:
    """Give what the champion says of the songs, or why it cannot be asked."""
    if reigning is None:
        return None, "there was no champion"
    run = read_run(layout, reigning.run_id)
    if run is None:
        return None, f"version {reigning.version} before it is of no run of this store"
    try:
        return hear_songs(layout, run, songs), ""
    except GenreflowError as error:
        logger.warning("version %s cannot be judged on these songs: %s", reigning.version, error)
        return None, (
            f"version {reigning.version} before it knew another library and cannot be judged on "
            "these songs"
        )


def _judged_songs(layout: DataLayout, snapshot: Snapshot) -> tuple[str, list[JudgedSong]]:
    golden = read_golden(layout)
    songs = read_golden_songs(layout, golden.version, snapshot.genres) if golden else []
    if golden and songs:
        return golden.name, songs
    return "validation", read_validation_songs(layout, snapshot.snapshot_id)


def _staleness(layout: DataLayout, challenger: Run, reigning: "Champion | None") -> float:
    run = read_run(layout, reigning.run_id) if reigning else None
    return read_staleness(layout, challenger.snapshot_id, run.snapshot_id) if run else 0.0


def _snapshot(layout: DataLayout, run: Run) -> Snapshot:
    snapshot = read_snapshot(layout, run.snapshot_id)
    if snapshot is None:
        raise GenreflowError(f"the snapshot {run.snapshot_id} of run {run.run_id} is gone.")
    return snapshot

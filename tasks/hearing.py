"""Hearing: what the networks of champion and challenger say of the songs that judge them."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from genre_core.errors import CatalogMismatch, GenreflowError
from genre_core.examples import Examples
from genre_core.voting import CHOOSING_VOTE, vote_songs
from storage.catalog.audits import read_snapshot
from storage.catalog.challenges import JudgedSong, read_judgeable, read_said, record_said
from storage.catalog.runs import Prediction, Run, read_run
from storage.catalog.snapshots import Snapshot
from storage.layout import DataLayout
from tasks.certainty import assess_songs
from tasks.keras_import import import_training
from tasks.splits import snapshot_examples
from tasks.studies import load_model

if TYPE_CHECKING:
    from storage.tracking.alias import Champion

logger = logging.getLogger(__name__)

LEAST_HEARD = 0.5
"""A network that can judge a smaller share of the songs than this is not judged by them."""


class NetworkGone(CatalogMismatch):
    """The network of a run cannot be loaded any more."""


def hear_songs(layout: DataLayout, run: Run, songs: Sequence[JudgedSong]) -> dict[str, str]:
    """Give the genre that a run takes each song for; what is new is computed and recorded.

    Songs without examples under the run's feature key are left out.

    Raises
    ------
    TransientError
        If the shards cannot be reached now.
    CatalogMismatch
        If a shard is gone or damaged; `NetworkGone` if the network is.
    """
    track_ids = [song.track_id for song in songs]
    said = read_said(layout, run.run_id, track_ids)
    judgeable = read_judgeable(layout, run.run_id, track_ids) - said.keys()
    if not judgeable:
        return said
    predictions = _predict(layout, run, [song for song in songs if song.track_id in judgeable])
    record_said(layout, predictions)
    return said | {prediction.track_id: prediction.predicted for prediction in predictions}


def hear_champion(
    layout: DataLayout, reigning: "Champion | None", songs: Sequence[JudgedSong]
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
        said = hear_songs(layout, run, songs)
    except NetworkGone as error:
        logger.warning("%s cannot be asked: %s", name, error)
        return {}, f"the network of {name} cannot be loaded any more"
    if len(said) >= LEAST_HEARD * len(songs):
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


def _predict(layout: DataLayout, run: Run, songs: Sequence[JudgedSong]) -> list[Prediction]:
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


def _read_examples(layout: DataLayout, snapshot: Snapshot, songs: Sequence[JudgedSong]) -> Examples:
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
        raise NetworkGone(str(error)) from error
    said = import_training().predict_genres(network, examples.matrices)
    track_ids, by_song = vote_songs(said, examples.track_ids, CHOOSING_VOTE)
    return {name: tuple(row.tolist()) for name, row in zip(track_ids, by_song, strict=True)}

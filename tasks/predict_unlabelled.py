"""Unlabelled songs: the champion predicts each of them once."""

from prefect import get_run_logger, task

from genre_core.errors import GenreflowError
from storage.catalog.connection import open_catalog
from storage.catalog.promotions import ScoredSong
from storage.catalog.runs import UNLABELLED_SPLIT, Run, forget_outdated, read_run, read_unpredicted
from storage.home import DataLayout
from tasks.predict import find_champion

SONGS_TOGETHER = 2048
"""Songs whose examples are in memory at once: 150 MB of them, with 15 thesis matrices a song."""


@task
def predict_unlabelled(layout: DataLayout) -> int:
    """Let the champion predict the unlabelled songs that it has not predicted yet; count them.

    They are read from the shards. Predictions of earlier champions are forgotten. What cannot be
    predicted now is logged, and left to the next run.
    """
    try:
        run = _find_champion(layout)
        return _predict(layout, run) if run else 0
    except GenreflowError as error:
        get_run_logger().warning("Unlabelled songs were not predicted: %s", error)
        return 0


def _find_champion(layout: DataLayout) -> Run | None:
    champion = find_champion(layout)
    with open_catalog(layout) as catalog:
        return read_run(catalog, champion.run_id) if champion else None


def _predict(layout: DataLayout, run: Run) -> int:
    with open_catalog(layout) as catalog:
        forget_outdated(catalog, run.run_id)
        waiting = read_unpredicted(catalog, run.run_id)
    if not waiting:
        return 0
    from tasks.challenge import predict_songs  # with models, where songs wait for them

    for first in range(0, len(waiting), SONGS_TOGETHER):
        predict_songs(
            layout, run, [_song(name) for name in waiting[first : first + SONGS_TOGETHER]]
        )
    return len(waiting)


def _song(track_id: str) -> ScoredSong:
    return ScoredSong(track_id=track_id, genre="", group_id="", split=UNLABELLED_SPLIT)

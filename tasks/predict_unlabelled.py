"""Unlabelled songs: the champion predicts each of them once."""

from genre_core.errors import GenreflowError
from storage.catalog.connection import open_catalog
from storage.catalog.promotions import ScoredSong
from storage.catalog.runs import UNLABELLED_SPLIT, forget_outdated, read_run, read_unpredicted
from storage.home import DataLayout
from tasks.champion import find_champion
from tasks.orchestrator import get_run_logger, task

SONGS_TOGETHER = 2048
"""Songs whose examples are in memory at once: 150 MB of them, with 15 thesis matrices a song."""


@task
def predict_unlabelled(layout: DataLayout) -> int:
    """Let the champion predict the unlabelled songs that it has not predicted yet; count them.

    They are read from the shards. Predictions of earlier champions are forgotten. What cannot be
    predicted now is logged, and left to the next run.
    """
    champion = find_champion(layout)
    if champion is None:
        return 0
    try:
        with open_catalog(layout) as catalog:
            run = read_run(catalog, champion.run_id)
            if run is None:
                return 0
            forget_outdated(catalog, run.run_id)
            waiting = read_unpredicted(catalog, run.run_id)
        songs = [
            ScoredSong(track_id=track_id, genre="", group_id="", split=UNLABELLED_SPLIT)
            for track_id in waiting
        ]
        for first in range(0, len(songs), SONGS_TOGETHER):
            from tasks.challenge import predict_songs  # with models, where songs wait for them

            predict_songs(layout, run, songs[first : first + SONGS_TOGETHER])
    except GenreflowError as error:
        get_run_logger().warning("Unlabelled songs were not predicted: %s", error)
        return 0
    return len(songs)

"""Classify: the champion's prediction of songs; nothing is stored."""

from collections.abc import Sequence

from storage.home import DataLayout
from tasks.orchestrator import task
from tasks.predict import SongPrediction
from tasks.predict_many import classify_each


@task
def classify_songs(layout: DataLayout, songs: Sequence[str]) -> list[SongPrediction]:
    """Predict songs (paths or URLs) with the champion and the features logged with it."""
    return list(classify_each(layout, songs))

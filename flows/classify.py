"""Flow classify: the champion's prediction of songs; nothing is stored."""

from collections.abc import Sequence
from pathlib import Path

from flows.settings import read_settings
from tasks.classify import classify_songs
from tasks.orchestrator import flow
from tasks.predict import SongPrediction


@flow
def classify(songs: Sequence[str], home: Path | None = None) -> list[SongPrediction]:
    """Predict songs (paths or URLs) with the champion.

    Without a ``home`` the settings are read where the flow runs.
    """
    return classify_songs(read_settings(home=home).layout, songs)

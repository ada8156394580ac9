"""Flow classify: the champion's verdict on songs; nothing is stored."""

from collections.abc import Sequence
from pathlib import Path

from prefect import flow

from flows.settings import read_settings
from tasks.classify import judge_songs
from tasks.predict import Verdict


@flow
def classify(songs: Sequence[str], home: Path | None = None) -> list[Verdict]:
    """Judge songs (paths or URLs) with the champion.

    Without a ``home`` the settings are read where the flow runs.
    """
    return judge_songs(read_settings(home=home).layout, songs)

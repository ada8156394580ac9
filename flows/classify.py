"""Flow classify: the champion's verdict on songs; nothing is stored."""

from collections.abc import Sequence
from pathlib import Path

from prefect import flow

from storage.layout import DataLayout
from tasks.classify import Verdict, judge_songs


@flow
def classify(songs: Sequence[str], home: Path = Path("data")) -> list[Verdict]:
    """Judge songs (paths or URLs) with the champion."""
    return judge_songs(DataLayout(Path(home).resolve()), songs)

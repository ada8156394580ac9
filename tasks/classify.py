"""Classify: the champion's verdict on songs; nothing is stored."""

from collections.abc import Sequence

from prefect import task

from storage.home import DataLayout
from tasks.predict import Verdict, judge_all


@task
def judge_songs(layout: DataLayout, songs: Sequence[str]) -> list[Verdict]:
    """Judge songs (paths or URLs) with the champion and the features logged with it."""
    return judge_all(layout, songs)

"""Retry: what was left out is let in once more."""

from prefect import task

from storage.catalog.retrying import release_songs
from storage.layout import DataLayout


@task
def release_outcomes(layout: DataLayout, reason: str, source: str) -> int:
    """Forget why songs were left out, so that the steps behind try them again; count them."""
    return release_songs(layout, reason, source)

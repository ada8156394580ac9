"""Publish: what people read, replaced whole after each stage."""

from prefect import task

from storage.catalog.published import publish
from storage.layout import DataLayout


@task
def publish_store(layout: DataLayout) -> None:
    """Write ``spectrograms.duckdb`` anew and put it in the place of the old one."""
    publish(layout)

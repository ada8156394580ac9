"""Suspects: find the songs of the library whose label looks wrong."""

from collections.abc import Sequence

from genre_core.dataset.suspects import Suspect, find_suspects
from genre_core.records import counted
from genre_core.representations.features import FeatureConfig
from genre_core.training.tag_prior import TagTable, prior_matrix, tag_table
from storage.catalog.audits import record_suspects
from storage.catalog.connection import open_catalog
from storage.catalog.embeddings import read_embedded_library
from storage.catalog.snapshots import Snapshot
from storage.home import DataLayout
from tasks.orchestrator import get_run_logger, task


@task
def list_suspects(
    layout: DataLayout,
    features: Sequence[FeatureConfig],
    snapshots: Sequence[Snapshot],
    tag_prior: TagTable,
) -> int:
    """Find suspects on the first embedding and record them; return how many.

    Without an embedding there are none.
    """
    suspects: list[Suspect] = []
    feature_key = ""
    pairs = zip(features, snapshots, strict=True)
    embedded = next(((one.embedding, snapshot) for one, snapshot in pairs if one.embedding), None)
    if embedded:
        embedding, snapshot = embedded
        feature_key = snapshot.feature_key
        with open_catalog(layout) as catalog:
            library = read_embedded_library(catalog, feature_key, snapshot.genres)
        songs = library.songs.divisible()
        prior = prior_matrix(songs.genres, embedding, tag_table(tag_prior))
        suspects = find_suspects(songs, prior, library.confirmed)
        get_run_logger().info(
            "%s", counted(len(suspects), "label looks wrong", "labels look wrong")
        )
    with open_catalog(layout) as catalog:
        record_suspects(catalog, feature_key, suspects)
    return len(suspects)

"""The plan of an audit: a snapshot, the best run on it, and their songs and examples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from genre_core.audit.label_permutation import subsample_examples, subsample_songs
from genre_core.audit.rules import AuditConfig
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.examples import Examples
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig
from genre_core.training.tag_prior import TagTable
from storage.catalog.audits import (
    read_audited_songs,
)
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import shard_names
from storage.catalog.recordings import read_duplicates
from storage.catalog.snapshots import Snapshot, read_features
from storage.examples import read_examples
from storage.home import DataLayout

MOST_READ_VALUES = 2**26
MOST_BESIDE = 1500
"""Examples of the snapshot that does not decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """Snapshot, run and settings of an audit.

    Attributes
    ----------
    audit_id : str
        Digest of everything that the result depends on.
    snapshot : Snapshot
    run_id, network : str
        The best run on it, and its network; empty if there is none.
    config : AuditConfig
    beside : Snapshot or None
        The same songs as embeddings where the snapshot is of spectrograms, or the other way round.
    tag_prior : mapping
        Tags of genres that replace those of the default table.
    """

    audit_id: str
    snapshot: Snapshot
    run_id: str
    config: AuditConfig
    network: str = ""
    beside: Snapshot | None = None
    tag_prior: TagTable = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """The examples of a snapshot that learners use."""

    features: FeatureConfig
    genres: tuple[str, ...]
    examples: Examples

    @property
    def embedding(self) -> Embedding | None:
        """Their embedding; None for spectrograms."""
        return self.features.embedding


def audited_songs(layout: DataLayout, plan: AuditPlan) -> tuple[list[AuditedSong], dict[str, str]]:
    """Return the songs that learners use, with their recordings."""
    with open_catalog(layout) as catalog:
        songs = read_audited_songs(catalog, layout, plan.snapshot.snapshot_id)
        recordings = name_recordings(songs, read_duplicates(catalog))
        n_songs = min(
            _most_songs(read_features(catalog, snapshot.feature_key), snapshot, plan.config)
            for snapshot in _snapshots(plan)
        )
    return subsample_songs(songs, recordings, n_songs, plan.config.seed), recordings


def read_seen(layout: DataLayout, plan: AuditPlan, songs: Sequence[AuditedSong]) -> list[Seen]:
    """Return the examples of the audited snapshot, and fewer of the one beside it."""
    found = []
    for snapshot in _snapshots(plan):
        most = plan.config.n_fragments
        if snapshot is plan.beside:
            most = min(most, max(2, MOST_BESIDE // max(1, len(songs))))
        found.append(_read(layout, snapshot, songs, most))
    return found


def _read(
    layout: DataLayout, snapshot: Snapshot, songs: Sequence[AuditedSong], n_fragments: int
) -> Seen:
    genre_of_track = {song.track_id: song.genre for song in songs}
    with open_catalog(layout) as catalog:
        shards = shard_names(catalog, snapshot.feature_key)
        features = read_features(catalog, snapshot.feature_key)
    examples = read_examples(layout, shards, genre_of_track, snapshot.genres)
    return Seen(
        features=features,
        genres=snapshot.genres,
        examples=subsample_examples(examples, n_fragments),
    )


def _snapshots(plan: AuditPlan) -> list[Snapshot]:
    return [plan.snapshot, *([plan.beside] if plan.beside else [])]


def _most_songs(features: FeatureConfig, snapshot: Snapshot, config: AuditConfig) -> int:
    """Number of songs whose examples fit into 256 MB while they are read."""
    per_song = math.prod(features.shape) * max(1, snapshot.n_examples // max(1, snapshot.n_tracks))
    return min(config.n_songs, max(6, MOST_READ_VALUES // per_song))

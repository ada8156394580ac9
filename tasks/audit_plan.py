"""What an audit looks at: a snapshot, the best run on it, and the songs and examples of both."""

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
    read_duplicates,
    read_feature_settings,
)
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import shard_names
from storage.catalog.snapshots import Snapshot
from storage.examples import read_examples
from storage.home import DataLayout

MOST_READ_VALUES = 2**26
MOST_BESIDE = 1500
"""Examples that learners see which do not decide: of each song as many as that allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """What is audited.

    Attributes
    ----------
    audit_id : str
        Digests all that the answer depends on.
    snapshot : Snapshot
    run_id, network : str
        The run that is the best on it, and its network; empty if there is none.
    config : AuditConfig
    beside : Snapshot or None
        The same songs as embeddings where the snapshot is of spectrograms, or the other way round.
    tag_prior : mapping
        Tags that speak for a genre, in place of those of the default table.
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
    """The examples of a snapshot that a learner sees, and what they are."""

    features: FeatureConfig
    genres: tuple[str, ...]
    examples: Examples

    @property
    def embedding(self) -> Embedding | None:
        """The embedding that they were computed with; none of spectrograms."""
        return self.features.embedding


def read_features(layout: DataLayout, snapshot: Snapshot) -> FeatureConfig:
    """Return the feature settings of a snapshot."""
    return FeatureConfig.from_document(read_feature_settings(layout, snapshot.feature_key))


def audited_songs(layout: DataLayout, plan: AuditPlan) -> tuple[list[AuditedSong], dict[str, str]]:
    """Return the songs that learners see, with their recordings."""
    songs = read_audited_songs(layout, plan.snapshot.snapshot_id)
    recordings = name_recordings(songs, read_duplicates(layout))
    n_songs = min(_bound_songs(layout, snapshot, plan.config) for snapshot in _snapshots(plan))
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
    examples = read_examples(layout, shards, genre_of_track, snapshot.genres)
    return Seen(
        features=read_features(layout, snapshot),
        genres=snapshot.genres,
        examples=subsample_examples(examples, n_fragments),
    )


def _snapshots(plan: AuditPlan) -> list[Snapshot]:
    return [plan.snapshot, *([plan.beside] if plan.beside else [])]


def _bound_songs(layout: DataLayout, snapshot: Snapshot, config: AuditConfig) -> int:
    """Return the number of songs whose examples fit into 256 MB while they are read."""
    n_values = math.prod(read_features(layout, snapshot).shape)
    per_song = n_values * max(1, snapshot.n_examples // max(1, snapshot.n_tracks))
    return min(config.n_songs, max(6, MOST_READ_VALUES // per_song))

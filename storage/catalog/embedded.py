"""Songs of the library with their mean embeddings, as heads read them."""

from __future__ import annotations  # DuckDB's types, kept alive, are told as leaks at exit

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genre_core.embeddings import Embedding
from genre_core.errors import UsageError
from genre_core.groups import join_artists
from genre_core.head.songs import EmbeddedSongs, label_songs
from genre_core.records import Split
from storage.catalog.connection import fetch_rows, open_catalog
from storage.catalog.snapshots import IS_CANDIDATE, Snapshot
from storage.layout import DataLayout


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmbeddedLibrary:
    """Songs that have a place in the split, golden ones included.

    Attributes
    ----------
    songs : EmbeddedSongs
    golden : frozenset of str
        Tracks that are put aside.
    confirmed : frozenset of str
        Tracks whose label a person has decided on, or that the built-in library was composed
        under.
    """

    songs: EmbeddedSongs
    golden: frozenset[str]
    confirmed: frozenset[str]

    @property
    def without_golden(self) -> EmbeddedSongs:
        """The songs that are learned from, validated and tested on."""
        return self.songs.of(~np.isin(self.songs.track_ids.astype(str), list(self.golden)))


def read_embedded_library(
    layout: DataLayout, feature_key: str, genres: Sequence[str]
) -> EmbeddedLibrary:
    """Read the songs of some genres that have an embedding under a feature key.

    Songs of one artist are in one group, whatever the split holds together.
    """
    with open_catalog(layout) as catalog:
        found = catalog.execute(_SONGS, [feature_key, list(genres)]).fetchnumpy()
    n_songs = len(found["track_id"])
    values = np.stack(list(found["values"])) if n_songs else np.empty((0, 0), np.float32)
    songs = label_songs(
        found["track_id"].tolist(),
        join_artists(found["group_id"].tolist(), found["artist"].tolist()),
        found["genre"].tolist(),
        values.astype(np.float32),
        int(found["n_features"][0]) if n_songs else 0,
    )
    return EmbeddedLibrary(
        songs=songs,
        golden=frozenset(songs.track_ids[found["split"] == str(Split.GOLDEN)]),
        confirmed=frozenset(songs.track_ids[found["is_confirmed"].astype(bool)]),
    )


def read_embedded_snapshot(
    layout: DataLayout, representation: str = ""
) -> tuple[Snapshot, Embedding]:
    """Return the snapshot of an embedding that was used last, of one representation if named.

    Raises
    ------
    UsageError
        If there is none yet.
    """
    statement = """
        select snapshots.* exclude (created_at, used_at), settings
        from snapshots join features using (feature_key)
        where (settings -> 'embedding') is not null and $1 in ('', representation)
        order by used_at desc limit 1
    """
    if not layout.catalog.exists():
        raise UsageError(f"There is no store in {layout.home} yet. Name the right one with --home.")
    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, statement, [representation])
    if not rows:
        raise UsageError(
            f"There is no snapshot of {representation or 'an embedding'} in {layout.home} yet. "
            "Run `genreflow train` with an embedding among the representations first."
        )
    settings = json.loads(rows[0].pop("settings"))
    row = {**rows[0], "genres": tuple(rows[0]["genres"])}
    return Snapshot(**row), Embedding.from_document(settings["embedding"])


_SONGS = f"""
    select track_id, tracks.genre, artist, group_id, split, len(embedding) as n_features,
        list_concat(embedding, tag_logits) as "values",
        is_builtin or track_id in (select track_id from decisions) as is_confirmed
    from song_embeddings join tracks using (track_id) join assignments using (track_id)
    where feature_key = $1 and tracks.genre in (select unnest($2::varchar[])) and {IS_CANDIDATE}
    order by track_id
"""

"""Similar songs: those of the library nearest to a song, which need not be one of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.settings import Settings
from genre_core.errors import UsageError
from genre_core.locations import path_of
from genre_core.representations.features import embedding_features
from storage.catalog.embeddings import Among, find_embedded, nearest_songs
from storage.embeddings.registry import find_model
from tasks.studies.similar import (
    Compared,
    Embedder,
    choose_representation,
    embed_song,
    exported_embedder,
)


def find_embedder(config: Settings, representation: str) -> Embedder:
    """Return an embedding that the settings name, and a network of theirs reads.

    A built-in one is that of the exported champion where it is the same: converting the weights
    needs the extra ``train``.
    """
    if representation not in filter(config.embeds, config.read_representations):
        missing = (
            f"do not name the embedding {representation}"
            if representation
            else ("name no embedding that a network reads")
        )
        raise UsageError(
            f"The settings {missing}. Add {representation or 'one (musicnn)'} to `representations` "
            "in genreflow.toml."
        )
    own = config.embeddings
    exported = None if representation in own else exported_embedder(config.layout, representation)
    model = exported or find_model(representation, own)
    return Embedder(features=embedding_features(model.embedding, config.n_windows), model=model)


def find_similar(
    config: Settings,
    song: str,
    find: Callable[[str], Embedder],
    representation: str = "",
    among: Among = Among.LIBRARY,
    n_songs: int = 10,
) -> tuple[str, list[dict[str, Any]]]:
    """Return the embedding that songs are compared in, and the rows of the nearest songs.

    ``song`` is a file, a URL, a source, or the beginning of a track's id; ``find`` returns the
    model of an embedding for a song that the library does not have. UsageError if there is none.
    """
    chosen = choose_representation(config.layout, representation, config.representations)
    track_id = find_embedded(config.layout, song, chosen)
    if not track_id and "://" not in song and not Path(path_of(song)).is_file():
        raise UsageError(
            f"There is no file {song}, and the store has no song of that name. Name a file, a "
            "URL, a source, or 8 digits of a track id at least."
        )
    one = Compared(track_id=track_id) if track_id else embed_song(config.layout, song, find(chosen))
    rows = nearest_songs(config.layout, chosen, one.track_id, one.embedding, among, n_songs)
    return chosen, rows

"""Similar songs: those of the library nearest to a song, which need not be one of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.settings import Settings
from genre_core.errors import UsageError
from genre_core.locations import path_of
from storage.catalog.embeddings import Among, find_embedded, nearest_songs
from tasks.studies.similar import Compared, Embedder, choose_representation, embed_song


def find_embedder(config: Settings, representation: str) -> Embedder:
    """Return an embedding that the settings name, and a network of theirs reads."""
    own = [f for f in config.features if f.embedding and f.representation == representation]
    model = config.embedder(own[0]) if own else None
    if model is None:
        raise UsageError(
            f"The settings do not name the embedding {representation}. Add it to "
            "`representations` in genreflow.toml."
        )
    return Embedder(features=own[0], model=model)


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

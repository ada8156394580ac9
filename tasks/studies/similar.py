"""Similar: a song that others are compared with, which need not be one of the library."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from genre_core.locations import location_of, path_of
from genre_core.records import Source
from genre_core.representations.features import FeatureConfig, feature_key
from storage.audio.decode import DECODER_VERSION
from storage.catalog.embeddings import embedded_representations, find_embedded
from storage.embeddings.config import BUILT_IN
from storage.embeddings.embedder import Model
from storage.embeddings.registry import Transform, embedding_transform
from storage.embeddings.weights import builtin_embedding
from storage.fetch.download import fetch_song
from storage.fetch.limits import DownloadLimits
from storage.home import DataLayout
from storage.models.champion import ExportUnusable, read_export
from storage.sources.identity import identify
from tasks.predict import N_THREADS, Classifier, StudiedSong, song_matrices


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The song that others are compared with; ``embedding`` is None where the store has it."""

    track_id: str
    embedding: tuple[float, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Embedder:
    """Feature settings of an embedding, and its model, which is loaded once."""

    features: FeatureConfig
    model: Model

    @cached_property
    def transform(self) -> Transform:
        """What turns fragments into the values of the embedding."""
        return embedding_transform(self.model, N_THREADS)


def choose_representation(layout: DataLayout, named: str, preferred: Sequence[str]) -> str:
    """Return the embedding that songs are compared in: the one named, else the first preferred.

    UsageError if the store has no embeddings, or not this one.
    """
    held = embedded_representations(layout)
    if not held:
        raise UsageError(
            f"The store in {layout.home} has no embeddings. `genreflow extract` makes them, with "
            "an embedding (musicnn) among the representations."
        )
    if named and named not in held:
        raise UsageError(f"The store has no embeddings {named!r}. It has {', '.join(held)}.")
    return named or next((name for name in preferred if name in held), min(held))


def exported_embedder(layout: DataLayout, name: str) -> Model | None:
    """Return a built-in embedding as exported with the champion; None where it has not the same."""
    try:
        model = read_export(layout.champion).embedder
    except ExportUnusable:
        return None
    is_same = (
        model and name in BUILT_IN and model.embedding.digest == builtin_embedding(name).digest
    )
    return model if is_same else None


def embed_song(layout: DataLayout, song: str, embedder: Embedder) -> Compared:
    """Embed a file or URL as extract does, unless the store has the same file; keep nothing.

    UsageError if the embeddings of the store were made with other settings, GenreflowError if the
    song cannot be read.
    """
    features = embedder.features
    held = embedded_representations(layout).get(features.representation)
    if held != feature_key(features, DECODER_VERSION):
        raise UsageError(
            f"The embeddings {features.representation} of the store were made with other settings "
            "than the current ones. Run `genreflow extract` and `genreflow train` to renew them."
        )
    location = song if "://" in song else location_of(Path(path_of(song)).absolute())
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        temporary = DataLayout(Path(folder))
        source = identify(Source(location=location, genre=""))
        track = fetch_song(source, temporary, DownloadLimits())
        if find_embedded(layout, track.track_id, features.representation):
            return Compared(track_id=track.track_id)
        file = str(temporary.song(track.track_id, track.suffix))
        return Compared(track_id=track.track_id, embedding=embed_file(file, embedder))


def embed_studied(
    classifier: Classifier, studied: StudiedSong, file: str, embedder: Embedder
) -> tuple[float, ...]:
    """Return the mean features of a song that was predicted; its file is read only if need be."""
    if classifier.features != embedder.features or studied.matrices is None:
        return embed_file(file, embedder)
    n_features = embedder.model.embedding.n_features
    return tuple(studied.matrices[:, :n_features, 0].mean(axis=0).tolist())


def embed_file(file: str, embedder: Embedder) -> tuple[float, ...]:
    """Return the mean features over the windows of a file or URL, (n_features,)."""
    return tuple(embed_windows(file, embedder).mean(axis=0).tolist())


def embed_windows(file: str, embedder: Embedder) -> Float32Array:
    """Return the features of each window of a file or URL, float32 (n_windows, n_features)."""
    _, matrices = song_matrices(file, embedder.features, None, embedder.transform)
    return matrices[:, : embedder.model.embedding.n_features, 0]

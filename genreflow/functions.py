"""Functions of the package: `open`, and one-line predictions."""

from pathlib import Path
from typing import TYPE_CHECKING

from genreflow.library import Library

if TYPE_CHECKING:
    from genre_core.examples import Float32Array
    from storage.catalog.embeddings import SimilarSong
    from tasks.predict import SongPrediction as Prediction


def open(home: str | Path | None = None, **settings: object) -> Library:
    """Open a home: the folder of a library and its models.

    Nothing is written, and the folder need not be there: `Library.ingest` makes it.

    Parameters
    ----------
    home
        The folder; by default that of ``GENREFLOW_HOME`` or of ``genreflow.toml``, else ``data``.
    **settings
        Settings that override ``genreflow.toml`` in the working directory and ``GENREFLOW_…`` in
        the environment, by the names of the reference: ``networks=["head"]``,
        ``fragments={"margin_s": 0}``.

    Raises
    ------
    UsageError
        If a setting is unknown, cannot be read or makes no sense.

    Examples
    --------
    >>> library = genreflow.open("data", networks=["head"])
    >>> library.settings.networks
    ('head',)
    """
    return Library(home, settings)


def classify(song: str | Path, home: str | Path | None = None) -> "Prediction":
    """Predict the genre of one song with the champion of a home; nothing is stored.

    The model is loaded for this call alone: `Library.classify` keeps it loaded. Parameters and
    errors are those of `Library.classify` and `open`.

    Examples
    --------
    >>> genreflow.classify(song, home="data").genre
    'jazz'
    """
    with open(home) as library:
        return library.classify(song)


def embed(song: str | Path, home: str | Path | None = None) -> "Float32Array":
    """Return the embedding of one song, as `Library.embed` does.

    Examples
    --------
    >>> genreflow.embed(song).shape
    (6, 400)
    """
    with open(home) as library:
        return library.embed(song)


def similar(song: str | Path, n: int = 10, home: str | Path | None = None) -> "list[SimilarSong]":
    """Return the songs of a home that are nearest to one song, as `Library.similar` does.

    Examples
    --------
    >>> [found.genre for found in genreflow.similar(song, n=2, home="data")]
    ['jazz', 'jazz']
    """
    with open(home) as library:
        return library.similar(song, n)

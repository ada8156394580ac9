"""genreflow from Python: open a library, query it, and predict the genre of songs.

>>> import genreflow
>>> library = genreflow.open("data")
>>> library.champion.network
'head'

Importing this package imports nothing heavy and changes nothing: no file, no variable of the
environment, no signal. Names below are stable: they stay, and new ones may be added.
"""

from typing import TYPE_CHECKING

from genre_core.errors import (
    CatalogMismatch,
    GenreflowError,
    TrackRejected,
    TransientError,
    UsageError,
)
from genreflow.functions import audit, classify, embed, open, similar
from genreflow.library import Library

if TYPE_CHECKING:
    from storage.catalog.embeddings import SimilarSong
    from storage.catalog.runs import Run
    from storage.catalog.status import ScoredChampion as Champion
    from tasks.predict import FragmentPrediction
    from tasks.predict import SongPrediction as Prediction
    from tasks.table_audit import TableAudit

__all__ = [
    "CatalogMismatch",
    "Champion",
    "FragmentPrediction",
    "GenreflowError",
    "Library",
    "Prediction",
    "Run",
    "SimilarSong",
    "TableAudit",
    "TrackRejected",
    "TransientError",
    "UsageError",
    "audit",
    "classify",
    "embed",
    "open",
    "similar",
]

_RECORDS = {
    "Champion": ("storage.catalog.status", "ScoredChampion"),
    "FragmentPrediction": ("tasks.predict", "FragmentPrediction"),
    "Prediction": ("tasks.predict", "SongPrediction"),
    "Run": ("storage.catalog.runs", "Run"),
    "SimilarSong": ("storage.catalog.embeddings", "SimilarSong"),
    "TableAudit": ("tasks.table_audit", "TableAudit"),
}
"""Where each record is, which is imported when it is named: most bring NumPy along."""


def __getattr__(name: str) -> object:
    if name not in _RECORDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from genreflow.session import directly

    module, record = _RECORDS[name]
    with directly():  # a module of a task brings its engine along
        return getattr(import_module(module), record)


def __dir__() -> list[str]:
    return sorted(__all__)

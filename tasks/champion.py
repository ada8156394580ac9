"""The champion: found in the catalog, loaded from its export, exported from MLflow."""

import logging
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TypeVar

from genre_core.errors import GenreflowError, UsageError
from genre_core.representations.features import FeatureConfig
from storage.embeddings.embedder import Model
from storage.embeddings.registry import embedding_transform
from storage.extras import how_to_begin
from storage.home import DataLayout
from storage.models.champion import (
    DOCUMENT_FILE,
    LITERT,
    Champion,
    Described,
    Exported,
    ExportUnusable,
    read_export,
)
from storage.models.litert import LiteRTModel
from tasks.keras_import import import_training
from tasks.predict import N_THREADS, Classifier
from tasks.terminal import announce

Read = TypeVar("Read")
logger = logging.getLogger(__name__)


def load_classifier(layout: DataLayout, n_threads: int = N_THREADS) -> Classifier:
    """Load the exported champion; one that is missing or damaged is exported again."""
    return _read_or_export(layout, lambda folder: read_classifier(folder, n_threads))


def read_exported(layout: DataLayout) -> Exported:
    """Return the exported champion; one that is missing or damaged is exported again."""
    return _read_or_export(layout, read_export)


def _read_or_export(layout: DataLayout, read: Callable[[Path], Read]) -> Read:
    try:
        return read(layout.champion)
    except ExportUnusable as error:
        champion = require_champion(layout)
        logger.warning("%s; exporting the champion again takes seconds.", error)
    _export(layout, champion)
    return read(layout.champion)


@dataclass(slots=True)
class CurrentClassifier:
    """The champion of a home, loaded once, and anew once another one was promoted."""

    layout: DataLayout
    _loaded: dict[float, Classifier] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @property
    def is_loaded(self) -> bool:
        """Whether `get` need not load it."""
        return self._changed_at() in self._loaded

    def get(self) -> Classifier:
        """Return the champion; `UsageError` if there is none."""
        with self._lock:
            changed_at = self._changed_at()
            if changed_at not in self._loaded:
                self._loaded = {changed_at: load_classifier(self.layout)}
            return self._loaded[changed_at]

    def _changed_at(self) -> float:
        document = self.layout.champion / DOCUMENT_FILE
        return document.stat().st_mtime if document.exists() else 0.0


def read_classifier(folder: Path, n_threads: int = N_THREADS) -> Classifier:
    """Load an exported champion; `ExportUnusable` if it is damaged, or LiteRT refuses it."""
    exported = read_export(folder)
    try:
        network = (
            LiteRTModel(exported.network, n_threads)
            if exported.suffix == LITERT
            else _load_keras(exported)
        )
    except (ValueError, RuntimeError) as error:
        raise ExportUnusable(f"the exported champion cannot be loaded: {error}") from error
    document = exported.document
    described = Described(
        document=document, temperature=document["temperature"], certainty=exported.certainty
    )
    version: int = document["version"]
    return build_classifier(network, described, exported.embedder, version, n_threads)


def load_logged(layout: DataLayout, model_uri: str, version: int = 0) -> Classifier:
    """Load any model of the home from MLflow as Keras model, which takes seconds."""
    import_training()
    from storage.models.logged import describe_model, find_embedder, load_model
    from storage.models.store import open_tracking

    tracking = open_tracking(layout)
    described, network = describe_model(tracking, model_uri), load_model(tracking, model_uri)
    return build_classifier(network, described, find_embedder(described.document), version)


def build_classifier(
    network: object,
    described: Described,
    embedder: Model | None,
    version: int = 0,
    n_threads: int = N_THREADS,
) -> Classifier:
    """Return a classifier of a network, what was logged with it, and its embedding's model."""
    return Classifier(
        version=version,
        network=network,
        genres=tuple(described.document["genres"]),
        features=FeatureConfig.from_document(described.document["features"]),
        temperature=described.temperature,
        transform=embedding_transform(embedder, n_threads) if embedder else None,
        certainty=described.certainty,
        n_threads=n_threads,
    )


def _load_keras(exported: Exported) -> object:
    import_training()
    from storage.models.network_file import load_network

    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        file = Path(folder, f"network{exported.suffix}")
        file.write_bytes(exported.network)
        return load_network(file)


def find_champion(layout: DataLayout) -> Champion | None:
    """Return the version that the catalog's promotions name; none before the first promotion."""
    if not layout.catalog.exists():
        return None
    from storage.catalog.connection import open_catalog  # an exported champion needs no DuckDB
    from storage.catalog.promotions import read_champion

    with open_catalog(layout) as catalog:
        return read_champion(catalog)


def require_champion(layout: DataLayout) -> Champion:
    """Return the champion; a `UsageError` if there is none."""
    champion = find_champion(layout)
    if champion is None:
        raise UsageError(
            f"There is no champion in {layout.home} yet. {how_to_begin()}, or name the right home "
            "with --home."
        )
    return champion


def export_champion(layout: DataLayout) -> bool:
    """Export the champion, unless that is done; return whether its export is there.

    A champion that cannot be exported keeps its place; the log has the reason.
    """
    champion = find_champion(layout)
    if champion is None or is_exported(layout, champion):
        return champion is not None
    try:
        _export(layout, champion)
    except GenreflowError as error:
        logger.warning("version %s cannot be exported: %s", champion.version, error)
        return False
    return True


def _export(layout: DataLayout, champion: Champion) -> None:
    announce(f"Exporting version {champion.version}, the champion")
    import_training()
    from storage.models.logged import export_model
    from storage.models.store import open_tracking

    export_model(open_tracking(layout), champion)


def is_exported(layout: DataLayout, champion: Champion) -> bool:
    """Whether the export of a champion is there, and undamaged."""
    try:
        document = read_export(layout.champion).document
    except ExportUnusable:
        return False
    exported = (document["version"], document["model_uri"])
    return exported == (champion.version, champion.model_uri)

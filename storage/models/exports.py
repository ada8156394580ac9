"""The champion's export: a folder named by its network, whole or not there.

MLflow's alias decides who reigns. An export says whose it is and digests all that it holds, so one
that is missing, of another network or damaged is never taken for the champion's.
"""

import hashlib
import io
import json
import os
import shutil
import uuid
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genre_core.errors import GenreflowError
from genre_core.evaluation.certainty import Certainty
from genre_core.evaluation.novelty import Novelty
from storage.embeddings.embedder import Model
from storage.files import digest_file
from storage.home import DataLayout
from storage.models.alias import Champion

CERTAINTY_FILE = "certainty.npz"
NUMBERS = ("coverage", "least_probability")


def certainty_bytes(certainty: Certainty) -> bytes:
    """Return the content of the file: what was not fitted is left out."""
    arrays: dict[str, Any] = {name: getattr(certainty, name) for name in NUMBERS}
    if certainty.novelty:
        arrays["threshold"] = certainty.novelty.threshold
        arrays["refuse_share"] = certainty.novelty.refuse_share
        arrays["references"] = certainty.novelty.references
    file = io.BytesIO()
    np.savez(file, **{name: value for name, value in arrays.items() if value is not None})
    return file.getvalue()


def read_certainty(path: Path) -> Certainty:
    """Read what `certainty_bytes` gave; a model without the file is of an older genreflow.

    Raises
    ------
    GenreflowError
        If the file is damaged.
    """
    if not path.exists():
        return Certainty()
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return _from_arrays(dict(arrays))
    except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile) as error:
        raise GenreflowError(f"{path} is damaged: {error}") from error


def _from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> Certainty:
    numbers = {name: float(arrays[name]) for name in NUMBERS if name in arrays}
    novelty = None
    if "references" in arrays:
        novelty = Novelty(
            references=arrays["references"],
            threshold=float(arrays["threshold"]),
            refuse_share=float(arrays["refuse_share"]),
        )
    return Certainty(novelty=novelty, **numbers)


NETWORK_FILE = "network.tflite"
DOCUMENT_FILE = "champion.json"
CARD_FILE = "model-card.md"
EMBEDDER = "embedder"
"""Key of the embedding's model in the document of an export, and its file beside a logged model."""

CERTAINTY = "certainty"
"""Key of the digest of the certainty's file in the document of an export."""


class ExportUnusable(GenreflowError):
    """The export is missing, of another network, or damaged; its message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An export that was found whole.

    Attributes
    ----------
    network : bytes
        What `light.LightNetwork` loads.
    document : mapping
        ``version``, ``model_uri``, ``genres``, ``features``, ``temperature``.
    embedder : Model or None
        The model of the embedding that the network reads, if it reads one.
    certainty : Certainty
        Unfitted in an export of an older genreflow.
    """

    network: bytes
    document: Mapping[str, Any]
    embedder: Model | None = None
    certainty: Certainty = field(default_factory=Certainty)


def write_export(
    layout: DataLayout,
    reigning: Champion,
    network: bytes,
    logged: Mapping[str, Any],
    embedder: Model | None = None,
    card: str = "",
    certainty: Certainty | None = None,
) -> None:
    """Put the export of the champion in place, whole, and remove all others.

    Parameters
    ----------
    reigning : Champion
        Whose it is.
    network : bytes
        Its network in LiteRT's form.
    logged : mapping
        ``genres``, ``features`` and ``temperature``, as they were logged with it.
    embedder : Model or None
        The model of the embedding that the network reads; its file is copied.
    card : str
        The model card, in Markdown; none if empty.
    certainty : Certainty or None
        What predictions say of themselves, as it was logged with the network.
    """
    folder = _folder(layout, reigning)
    part = layout.champion / f"{uuid.uuid4().hex}.part"
    part.mkdir(parents=True)
    try:
        document = {"version": reigning.version, "model_uri": reigning.model_uri, **logged}
        if embedder:
            document[EMBEDDER] = write_embedder(embedder, part)
        if certainty:
            document[CERTAINTY] = _write_certainty(certainty, part)
        sealed = {**document, "digest": _digest(document, network)}
        _write_synced(part / NETWORK_FILE, network)
        _write_synced(part / DOCUMENT_FILE, json.dumps(sealed, indent=2).encode())
        if card:
            _write_synced(part / CARD_FILE, card.encode())
        shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    for other in layout.champion.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


def read_export(layout: DataLayout, reigning: Champion) -> Exported:
    """Read the export of the champion.

    Raises
    ------
    ExportUnusable
        If there is none, it is of another version, or not what was written.
    """
    folder = _folder(layout, reigning)
    try:
        network = (folder / NETWORK_FILE).read_bytes()
        document = json.loads((folder / DOCUMENT_FILE).read_text("utf-8"))
        digest = document.pop("digest")
    except FileNotFoundError as error:
        raise ExportUnusable(f"version {reigning.version} has not been exported") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ExportUnusable(f"the export in {folder} cannot be read ({error})") from error
    if digest != _digest(document, network):
        raise ExportUnusable(f"the export in {folder} is damaged")
    if (document["version"], document["model_uri"]) != (reigning.version, reigning.model_uri):
        raise ExportUnusable(f"the export in {folder} is not of version {reigning.version}")
    certainty = _read_certainty(folder, document.pop(CERTAINTY, ""))
    embedder = _read_embedder(folder, document)
    return Exported(network=network, document=document, embedder=embedder, certainty=certainty)


def write_embedder(embedder: Model, folder: Path) -> dict[str, Any]:
    """Copy the file of an embedding's model into a folder; return what `read_embedder` needs."""
    content = embedder.file.read_bytes()
    _write_synced(folder / f"embedding{embedder.file.suffix}", content)
    return {**embedder.as_document(), "sha256": hashlib.sha256(content).hexdigest()}


def read_embedder(document: Mapping[str, Any], folder: Path) -> Model:
    """Return the model that `write_embedder` has copied into a folder.

    Raises
    ------
    ExportUnusable
        If its file is gone or damaged.
    """
    file = folder / f"embedding{document['suffix']}"
    try:
        digest = digest_file(file)
    except OSError as error:
        raise ExportUnusable(f"the model of the embedding is not in {folder} ({error})") from error
    if digest != document["sha256"]:
        raise ExportUnusable(f"the model of the embedding in {folder} is damaged")
    return Model.from_document(document, file)


def _read_embedder(folder: Path, document: Mapping[str, Any]) -> Model | None:
    return read_embedder(document[EMBEDDER], folder) if EMBEDDER in document else None


def _write_certainty(certainty: Certainty, folder: Path) -> str:
    """Write the file of a certainty; return its digest."""
    content = certainty_bytes(certainty)
    _write_synced(folder / CERTAINTY_FILE, content)
    return hashlib.sha256(content).hexdigest()


def _read_certainty(folder: Path, expected: str) -> Certainty:
    """Read the certainty with this digest; where there is none, it is of an older genreflow."""
    if not expected:
        return Certainty()
    file = folder / CERTAINTY_FILE
    try:
        digest = digest_file(file)
    except OSError as error:
        raise ExportUnusable(f"the certainty is not in {folder} ({error})") from error
    if digest != expected:
        raise ExportUnusable(f"the certainty in {folder} is damaged")
    return read_certainty(file)


def has_export(layout: DataLayout, reigning: Champion) -> bool:
    """Tell whether the export of the champion is there, and whole."""
    try:
        read_export(layout, reigning)
    except ExportUnusable:
        return False
    return True


def find_kept(layout: DataLayout) -> Champion:
    """Say whose the export is that the home has, for when nobody can be asked who reigns.

    Raises
    ------
    ExportUnusable
        If there is none.
    """
    for path in sorted(layout.champion.glob(f"*/{DOCUMENT_FILE}")):
        with suppress(OSError, ValueError, LookupError, TypeError):
            document = json.loads(path.read_text("utf-8"))
            return Champion(
                version=int(document["version"]), run_id="", model_uri=document["model_uri"]
            )
    raise ExportUnusable(f"no champion is kept in {layout.champion}")


def _folder(layout: DataLayout, reigning: Champion) -> Path:
    return layout.champion / (reigning.model_uri.removeprefix("models:/") or "unknown")


def _digest(document: Mapping[str, Any], network: bytes) -> str:
    """Digest the network and what is said of it."""
    said = json.dumps(document, sort_keys=True).encode()
    return hashlib.sha256(said + b"\0" + network).hexdigest()


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())

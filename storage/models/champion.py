"""The names of models in the registry, and the exported champion: all that `classify` reads.

Nothing here imports MLflow, Keras or Prefect.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genre_core.digests import digest_document
from genre_core.errors import GenreflowError, UsageError
from genre_core.evaluation.certainty import Certainty
from genre_core.evaluation.novelty import Novelty
from genre_core.model_card import model_card
from storage.embeddings.embedder import Model
from storage.files import PART, write_bytes
from storage.home import DataLayout

REGISTERED = "genreflow"
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
EMBEDDER = "embedder"
"""Key of the embedding's model in the document that is logged with a model."""
CARD_FILE = "model-card.md"
DOCUMENT_FILE = "champion.json"
CERTAINTY_FILE = "certainty.npz"
FORMAT = 1
"""Of an export; raise it when an older genreflow would misread a new one."""
LITERT, KERAS = ".tflite", ".keras"
_STORED = re.compile(r"(network|embedding|certainty)-[0-9a-f]{12}\.\w+")
_FAULTS = (OSError, ValueError, LookupError, TypeError, AttributeError, MemoryError)
"""What reading a document that is not as it should be raises."""
_NUMBERS = ("coverage", "least_probability")


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """A registered version: the champion, the challenger or the previous champion."""

    version: int
    run_id: str
    model_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a model was logged with.

    ``document`` has ``genres`` in the order of the labels, ``features``, and ``embedder`` for a
    head. ``temperature`` is 1, which changes nothing, before the model was evaluated.
    """

    document: Mapping[str, Any]
    temperature: float = 1.0
    certainty: Certainty = field(default_factory=Certainty)


def card_file(layout: DataLayout, version: int) -> Path:
    """Return the place of the card of a version that became champion, which stays there."""
    return layout.reports / "models" / f"version-{version}.md"


def read_card(layout: DataLayout, version: int = 0) -> str:
    """Return the card of a version that became champion; without one, that of the model in use.

    `FileNotFoundError` if there is none.
    """
    file = card_file(layout, version) if version else layout.champion / CARD_FILE
    return file.read_text("utf-8")


def no_version(layout: DataLayout, version: int) -> UsageError:
    """Return the error of a version that is not there."""
    return UsageError(f"There is no version {version} of a run of {layout.home}.")


def may_be_registered(layout: DataLayout, version: int) -> bool:
    """Return whether a version may be registered, in 1 ms where asking MLflow takes seconds.

    MLflow is to be asked, and to report what is wrong, where its file does not answer.
    """
    import sqlite3  # not for `classify`

    if layout.tracking_server or not layout.mlflow_db.exists():
        return bool(layout.tracking_server)
    statement = "select count(*) from model_versions where name = ? and version = ?"
    try:
        with closing(sqlite3.connect(f"{layout.mlflow_db.as_uri()}?mode=ro", uri=True)) as database:
            return bool(database.execute(statement, [REGISTERED, version]).fetchone()[0])
    except sqlite3.Error:
        return True


class ExportUnusable(GenreflowError):
    """The exported champion is missing or damaged; the message names the fault."""

    code = "export-unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A model with all that predicting needs.

    ``network`` is what `litert.LiteRTModel` loads, or a Keras file where LiteRT cannot run it;
    ``document`` has ``version``, ``model_uri``, ``genres``, ``features``, ``temperature``;
    ``embedder`` is the model of the embedding that the network reads, if it reads one.
    """

    network: bytes
    suffix: str = LITERT
    document: Mapping[str, Any]
    embedder: Model | None = None
    certainty: Certainty = field(default_factory=Certainty)


def write_export(folder: Path, exported: Exported) -> None:
    """Replace the exported champion; a process killed in between leaves the old one in use.

    Files are named by their content, ``champion.json`` names them and is written last.
    """
    contents = {
        f"network{exported.suffix}": exported.network,
        CERTAINTY_FILE: certainty_bytes(exported.certainty),
    }
    document = {**exported.document}
    if embedder := exported.embedder:
        contents[f"embedding{embedder.file.suffix}"] = embedder.file.read_bytes()
        document[EMBEDDER] = embedder.as_document()
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    document = {**document, "format": FORMAT, "files": digests}
    sealed = json.dumps({**document, "digest": digest_document(document)}, indent=2)
    for name, content in contents.items():
        write_bytes(folder / _stored_name(name, digests[name]), content)
    write_bytes(folder / CARD_FILE, model_card(document).encode())
    write_bytes(folder / DOCUMENT_FILE, sealed.encode())
    named = {_stored_name(*item) for item in digests.items()} | {CARD_FILE, DOCUMENT_FILE}
    for path in folder.iterdir():
        is_ours = _STORED.fullmatch(path.name) or PART.fullmatch(path.name)
        if is_ours and path.name not in named:
            path.unlink()


def read_export(folder: Path) -> Exported:
    """Read the exported champion and check every byte of it."""
    if not (folder / DOCUMENT_FILE).exists():
        raise ExportUnusable(f"{folder} holds no exported champion")
    try:
        return _read_sealed(folder)
    except ExportUnusable:
        raise
    except (*_FAULTS, GenreflowError) as error:
        raise ExportUnusable(f"the champion in {folder} cannot be read: {error}") from error


def _read_sealed(folder: Path) -> Exported:
    document: dict[str, Any] = json.loads((folder / DOCUMENT_FILE).read_text("utf-8"))
    digest = document.pop("digest")
    is_intact = digest == digest_document(document)
    files, described = document.pop("files"), document.pop(EMBEDDER, None)
    written_as = document.pop("format", FORMAT)
    paths = {name: folder / _stored_name(name, digest) for name, digest in files.items()}
    contents = {name: path.read_bytes() for name, path in paths.items()}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    if not is_intact or digests != files:
        raise ExportUnusable(f"the champion in {folder} is damaged")
    if written_as != FORMAT:
        raise ExportUnusable(
            f"the champion in {folder} has format {written_as}; this genreflow reads {FORMAT}"
        )
    (network,) = [name for name in files if name.startswith("network")]
    embedder = None
    if described:
        embedder = Model.from_document(described, paths[f"embedding{described['suffix']}"])
    return Exported(
        network=contents[network],
        suffix=Path(network).suffix,
        document=document,
        embedder=embedder,
        certainty=parse_certainty(contents[CERTAINTY_FILE]),
    )


def has_exported(folder: Path) -> bool:
    """Whether a model was exported into a folder, or imported, undamaged or not."""
    return (folder / DOCUMENT_FILE).exists()


def read_genres(folder: Path) -> list[str]:
    """Return the genres of the exported champion; none if there is none that can be read."""
    try:
        return json.loads((folder / DOCUMENT_FILE).read_text("utf-8"))["genres"]
    except (OSError, ValueError, LookupError):
        return []


def _stored_name(name: str, digest: str) -> str:
    """Return the name of a file within the folder: ``network-0123456789ab.tflite``."""
    path = Path(name)
    return f"{path.stem}-{digest[:12]}{path.suffix}"


def certainty_bytes(certainty: Certainty) -> bytes:
    """Return a certainty as the content of an ``.npz`` file, without what was not fitted."""
    arrays: dict[str, Any] = {name: getattr(certainty, name) for name in _NUMBERS}
    if novelty := certainty.novelty:
        arrays |= {name: getattr(novelty, name) for name in Novelty.__dataclass_fields__}
    file = io.BytesIO()
    np.savez(file, **{name: value for name, value in arrays.items() if value is not None})
    return file.getvalue()


def parse_certainty(content: bytes) -> Certainty:
    """Return the certainty of `certainty_bytes`; its arrays take no more than its bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > len(content):
                raise ValueError("it is compressed")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            values: dict[str, Any] = {n: v if v.ndim else float(v) for n, v in arrays.items()}
        novelty = {n: values.pop(n) for n in Novelty.__dataclass_fields__ if n in values}
        return Certainty(novelty=Novelty(**novelty) if novelty else None, **values)
    except (*_FAULTS, EOFError, zipfile.BadZipFile) as error:
        raise GenreflowError(f"{CERTAINTY_FILE} is damaged: {error}") from error

"""Predictions for the requests of a server: a row a song; a bad song fails no other."""

import base64
import binascii
import csv
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO, StringIO
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from genre_core.errors import GenreflowError, UsageError
from storage.fetch.download import DownloadLimits
from storage.models.champion import ExportUnusable
from tasks.keras_import import import_training
from tasks.predict import (
    Classifier,
    SongPrediction,
    build_classifier,
    classify_song,
    read_classifier,
)

Row = Mapping[str, object]

MAX_BODY_BYTES = 32 << 20
MAX_ROWS = 100
MAX_SONG_BYTES = 256 << 20
"""Of a song that a client names by its address."""
FETCH_S = 30.0
"""Longest time to fetch such a song."""
_MAX_VALUES = 100_000  # in JSON: a list takes 2 bytes in the text, and 60 in memory
_MAX_PARQUET_BYTES = 2 << 20  # its values may be repeated, and are packed
_PACKINGS = {"UNCOMPRESSED", "SNAPPY"}
_ENCODINGS = {"PLAIN", "RLE", "BIT_PACKED", "PLAIN_DICTIONARY", "RLE_DICTIONARY"}
_COLUMNS = ("song", "audio_base64")
UNREADABLE = "The server finds no song that it can predict under this path; see its log."
FAILED = "The server failed to predict this song; see its log."
logger = logging.getLogger(__name__)


def load_served(folder: Path) -> Classifier:
    """Load the classifier in the folder of a logged model: its export, if it was ever promoted.

    Its version is 0 if not; loading it takes TensorFlow, and so some seconds.
    """
    from storage.models.logged import (
        EXPORT,
        NETWORK_PLACE,
        find_embedder,
        load_network,
        read_description,
    )

    try:
        return read_classifier(folder / EXPORT)
    except ExportUnusable:
        import_training()
    described = read_description(folder)
    return build_classifier(
        load_network(folder / NETWORK_PLACE), described, find_embedder(described.document)
    )


def limit_strangers(limits: DownloadLimits) -> DownloadLimits:
    """Return the limits for the clients of a server, who are not its owner.

    Even an address that they name must be public, unless ``limits.allow_private`` is set.
    """
    return replace(
        limits,
        trust_named=False,
        max_bytes=min(limits.max_bytes, MAX_SONG_BYTES),
        deadline_s=min(limits.deadline_s, FETCH_S),
        timeout_s=min(limits.timeout_s, FETCH_S / 3),
    )


def read_rows(body: bytes, content_type: str) -> list[Row]:
    """Read the rows of a request in the forms of MLflow's scoring server.

    What a body claims to hold is checked before it is believed. Raises UsageError.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in _READERS:
        raise UsageError(f"Send the songs as one of {', '.join(_READERS)}, not {kind!r}.")
    try:
        rows = list(islice(_READERS[kind](body), MAX_ROWS + 1))
    except (ValueError, TypeError, LookupError, RecursionError, OSError, csv.Error) as error:
        cause = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UsageError(f"The request cannot be read as {kind}: {cause}.") from error
    if len(rows) > MAX_ROWS:
        raise UsageError(f"The request has more than {MAX_ROWS} rows. Send several requests.")
    return rows


def _read_json(body: bytes) -> Iterable[Row]:
    if sum(body.count(sign) for sign in (b"[", b"{", b",")) > _MAX_VALUES:
        raise ValueError(f"it has more than {_MAX_VALUES} values")
    document = json.loads(body)
    forms = ("dataframe_records", "dataframe_split", "instances", "inputs")
    given = [name for name in forms if isinstance(document, dict) and name in document]
    if len(given) != 1:
        raise ValueError(f"it must be an object with one of {', '.join(forms)}")
    rows = document[given[0]]
    if given == ["dataframe_split"]:
        rows = [_to_row(rows["columns"], values) for values in _require_list(rows["data"])]
    elif isinstance(rows, dict):
        columns = [values if isinstance(values, list) else [values] for values in rows.values()]
        rows = [dict(zip(rows, values, strict=True)) for values in zip_longest(*columns)]
    return [row if isinstance(row, dict) else {"song": row} for row in _require_list(rows)]


def _require_list(rows: object) -> list[Any]:
    if not isinstance(rows, list):
        raise TypeError("its rows are no list")
    return rows


def _to_row(columns: Sequence[str], values: object) -> Row:
    return dict(zip(columns, values, strict=False)) if isinstance(values, list) else {}


def _read_csv(body: bytes) -> Iterable[Row]:
    csv.field_size_limit(MAX_BODY_BYTES)
    return csv.DictReader(StringIO(body.decode("utf-8-sig")))


def _read_parquet(body: bytes) -> Iterable[Row]:
    from pyarrow.parquet import ParquetFile

    if len(body) > _MAX_PARQUET_BYTES:
        raise ValueError(f"it is larger than {_MAX_PARQUET_BYTES} bytes; send audio as JSON")
    open_file = partial(
        ParquetFile,
        thrift_string_size_limit=_MAX_PARQUET_BYTES,
        thrift_container_size_limit=_MAX_VALUES,
    )
    file = open_file(BytesIO(body))
    metadata = file.metadata
    if metadata.num_rows > MAX_ROWS:
        raise ValueError(f"it claims {metadata.num_rows} rows; {MAX_ROWS} are allowed")
    columns = map(metadata.schema.column, range(metadata.num_columns))
    names = [c.path for c in columns if c.path in _COLUMNS and c.physical_type == "BYTE_ARRAY"]
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            _require_small(column)
    # as dictionary: a value that is repeated is held once
    table = open_file(BytesIO(body), read_dictionary=names).read(names, use_threads=False)
    rows: list[Row] = table.to_pandas().to_dict("records")
    return rows


def _require_small(column: Any) -> None:  # noqa: ANN401
    """Refuse a column of a Parquet file whose values may be many times larger than the file."""
    packed = (column.compression, *column.encodings)
    if column.compression not in _PACKINGS or not set(column.encodings) <= _ENCODINGS:
        raise ValueError(f"it is packed as {', '.join(packed)}; use SNAPPY and PLAIN")
    if column.total_uncompressed_size > MAX_BODY_BYTES:
        raise ValueError(f"it claims {column.total_uncompressed_size} bytes in a column")


_READERS: Mapping[str, Callable[[bytes], Iterable[Row]]] = {
    "application/json": _read_json,
    "text/csv": _read_csv,
    "application/vnd.apache.parquet": _read_parquet,
}


def predict_rows(
    classifier: Classifier, rows: Sequence[Row], limits: DownloadLimits
) -> list[dict[str, object]]:
    """Predict each row: ``song``, a path or an address, or ``audio_base64``."""
    if len(rows) > MAX_ROWS:
        raise UsageError(f"The request has more than {MAX_ROWS} rows. Send several requests.")
    return [predict_row(classifier, row, limits) for row in rows]


def predict_row(classifier: Classifier, row: Row, limits: DownloadLimits) -> dict[str, object]:
    """Predict one row; whatever is wrong with it is its ``error``."""
    song, audio = song_of(row), _text(row, "audio_base64")
    try:
        if bool(song) == bool(audio):
            raise UsageError("Give either `song`, a path or an address, or `audio_base64`.")
        found = (
            _predict_audio(classifier, audio, limits)
            if audio
            else _predict_named(classifier, song, limits)
        )
    except GenreflowError as error:
        found = SongPrediction(song=song, error=str(error))
    except Exception:  # the edge of the server: other rows and clients go on
        logger.exception("a song cannot be predicted")
        found = SongPrediction(song=song, error=FAILED)
    return describe_row(classifier, song, found)


def describe_row(classifier: Classifier, song: str, found: SongPrediction) -> dict[str, object]:
    """Return the answer to a row."""
    return {
        "song": song,
        "genre": found.genre,
        "probabilities": found.probabilities,
        "error": found.error,
        "champion": classifier.version,
        "confidence": found.confidence,
        "unknown": found.unknown,
        "alternatives": None if found.alternatives is None else list(found.alternatives),
    }


def song_of(row: Row) -> str:
    """Return the path or address of a row; empty if it has none."""
    return _text(row, "song")


def _text(row: Row, name: str) -> str:
    """Return the text in a column; one that was left out comes as None or NaN."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _predict_named(classifier: Classifier, song: str, limits: DownloadLimits) -> SongPrediction:
    """Predict a path or an address; the answer does not reveal which paths there are."""
    is_path = "://" not in song
    # opening a pipe would wait for ever; os.path takes what is no path, too
    if is_path and not os.path.isfile(song):  # noqa: PTH113
        return SongPrediction(song=song, error=UNREADABLE)
    found = classify_song(classifier, song, limits)
    if found.error and is_path:
        logger.warning("%s", found.error)
        return replace(found, error=UNREADABLE)
    return found


def _predict_audio(classifier: Classifier, audio: str, limits: DownloadLimits) -> SongPrediction:
    if len(audio) > limits.max_bytes * 4 / 3 + 4:
        raise UsageError(f"The audio is larger than {limits.max_bytes} bytes (limits.max_bytes).")
    try:
        content = base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError(f"The audio is no base64: {error}.") from error
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path = Path(folder, "audio")
        path.write_bytes(content)
        found = classify_song(classifier, str(path), limits)
    return replace(found, song="", error=found.error.replace(str(path), "the audio"))

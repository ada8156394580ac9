"""The settings of an embedding of one's own, ``[embeddings.NAME]``."""

import csv
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from genre_core.errors import UsageError
from genre_core.representations.registry import REPRESENTATIONS
from storage.embeddings.embedder import require_rate
from storage.embeddings.runtime import Output

BUILT_IN = ("musicnn", "musicnn_vgg")
LABEL_COLUMNS = ("label", "tag", "name", "display_name")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingConfig:
    """A model of one's own that turns windows of sound into features.

    ``file`` is LiteRT (``.tflite``), ONNX (``.onnx``, with the extra ``genreflow[onnx]``) or Keras
    (``.keras``); it reads a wave in -1..1 as (n) or (batch, n) in float32.
    """

    file: Path
    sample_rate: int
    window_s: float
    licence: str  # of the weights; model cards name it
    hop_s: float = 0.0  # least distance between two windows; 0: they do not overlap
    # by position or name; several are joined, and where labels name tags, the last one holds them
    output: Output | tuple[Output, ...] = 0
    # names of the tags, a text file with one a line, or a CSV file with one of LABEL_COLUMNS
    labels: tuple[str, ...] | str = ()
    probabilities: bool = False  # whether the tags are probabilities, and not logits
    trained_on: tuple[str, ...] = ()  # data sets: scores on their songs may be too good

    def __post_init__(self) -> None:
        require_rate(self.sample_rate)
        if not 0 < self.window_s < math.inf or not 0 <= self.hop_s < math.inf:
            raise ValueError(
                f"window_s is {self.window_s:g} and hop_s {self.hop_s:g}. Use a length of a window "
                "above 0 s, and 0 or more seconds between two."
            )
        if not self.licence.strip():
            raise ValueError("licence is empty. Name the licence of the model, or `unknown`.")
        if self.output == ():
            raise ValueError("output is empty. Name the output that holds the features.")
        if self.probabilities and not self.labels:
            raise ValueError(
                "probabilities is set, but no labels are. Name the tags, or remove probabilities."
            )

    @property
    def n_samples(self) -> int:
        """Length of a window in samples."""
        return round(self.window_s * self.sample_rate)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs that are joined: features, then tags. One alone may be both."""
        named = self.output if isinstance(self.output, tuple) else (self.output,)
        return named * 2 if self.labels and len(named) == 1 else named

    def read_labels(self) -> tuple[str, ...]:
        """Return the names of the tags."""
        labels = _read_file(Path(self.labels)) if isinstance(self.labels, str) else self.labels
        names = tuple(label.strip() for label in labels)
        if isinstance(self.labels, str) and self.labels and not names:
            raise UsageError(f"{self.labels} names no labels. Write one a line.")
        if twice := sorted({name for name in names if names.count(name) > 1 or not name}):
            raise UsageError(
                f"Label {twice[0]!r} is empty or named more than once in labels. Give every tag "
                "output a name of its own."
            )
        return names


NO_EMBEDDINGS: Mapping[str, EmbeddingConfig] = MappingProxyType({})


def require_own_names(names: Iterable[str]) -> None:
    """Refuse names that cannot be used for embeddings of one's own."""
    for name in names:
        if name in REPRESENTATIONS or name in BUILT_IN:
            raise UsageError(
                f"[embeddings.{name}] bears the name of a built-in representation. Choose another."
            )
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"[embeddings.{name}] cannot be used as a name. Begin with a letter; use letters, "
                "digits, _ and - alone."
            )


def _read_file(path: Path) -> tuple[str, ...]:
    """Return the labels of a file, one a line, or a column of a CSV file."""
    if path == Path():
        return ()
    try:
        text = path.expanduser().read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"labels cannot be read from {path}: {error}. Correct it.") from error
    lines = text.splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if path.suffix.lower() != ".csv":
        return tuple(lines)
    rows = list(csv.reader(lines))
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if found := [header.index(name) for name in LABEL_COLUMNS if name in header]:
        return tuple(row[found[0]] if len(row) > found[0] else "" for row in rows[1:])
    if any(len(row) > 1 for row in rows):
        raise UsageError(
            f"{path} has several columns, and none is called {', '.join(LABEL_COLUMNS)}. Rename "
            "the one that holds the labels."
        )
    return tuple("".join(row) for row in rows)

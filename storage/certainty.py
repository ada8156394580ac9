"""The certainty of a model as one file of arrays, beside a logged model and in an export."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genre_core.certainty import Certainty
from genre_core.errors import GenreflowError
from genre_core.novelty import Novelty

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

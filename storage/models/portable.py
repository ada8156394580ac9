"""A model as a folder for others: an export with its card, an example, checksums, perhaps ONNX.

It can be used without genreflow (``predict.py``), and be the champion of another home.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from genre_core.errors import GenreflowError, UsageError
from genre_core.examples import Float32Array
from genre_core.model_card import model_card
from genre_core.representations.features import CONTEXT_S, FeatureConfig
from genre_core.signal.fragments import SAMPLE_RATE
from storage.dataset_folder import (
    CARD,
    MODEL_MARK,
    require_replaceable,
    write_folder,
    write_sums,
)
from storage.embeddings.embedder import Model, load_embedder
from storage.models.champion import (
    CARD_FILE,
    DOCUMENT_FILE,
    LITERT,
    Exported,
    ExportUnusable,
    read_export,
    write_export,
)
from storage.models.litert import LiteRTModel
from storage.models.onnx_file import convert_litert, run_onnx

EXAMPLE = ("predict.py", "front_end.py")
MOST_BYTES = 2**30
"""Of a file of an imported model; the built-in ones have 4 MB."""
MOST_VALUES = 2**28
"""Of one song by what an imported model says of itself: 1 GiB, 1.7 hours of sound at 44.1 kHz."""
TOLERANCE = 1e-5
"""Largest difference of a probability between LiteRT and ONNX."""
N_TRIED = 4
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FAULTS = (
    *(LookupError, TypeError, ValueError, AttributeError),
    *(OSError, ArithmeticError, MemoryError, RuntimeError),
)
_USE = f"""
## Use it

With genreflow: `genreflow import-model FOLDER --home NEW`, then `genreflow classify`. Without:

```sh
pip install numpy soundfile soxr ai-edge-litert    # or, with the .onnx files, onnxruntime
python predict.py song.mp3
```

`champion.json` has the genres in the order of the outputs, the features (how fragments are cut and
transformed) and the temperature; `front_end.py` computes them. `sha256sum -c SHA256SUMS` checks
the files. {MODEL_MARK}.
"""


def write_portable(folder: Path, exported: Exported, *, with_onnx: bool = False) -> None:
    """Write a model into a folder that is new, empty, or as this has written it before.

    A `UsageError` of other folders, and of a model that only Keras can run.
    """
    folder = folder.expanduser().absolute()
    require_replaceable(folder, MODEL_MARK)
    litert = _litert_files(exported)
    converted = {f"{name}.onnx": convert_litert(file) for name, file in litert.items() if with_onnx}
    if converted:
        _require_same(exported, litert, converted)
    examples = {name: Path(__file__).with_name("standalone") / name for name in EXAMPLE}
    with write_folder(folder, MODEL_MARK) as part:
        write_export(part, exported)
        card = (part / CARD_FILE).rename(part / CARD)
        card.write_text(f"{card.read_text('utf-8').rstrip()}\n{_USE}", "utf-8")
        for name, content in converted.items():
            (part / name).write_bytes(content)
        for name, path in examples.items():
            (part / name).write_bytes(path.read_bytes())
        write_sums(part, {})


def _litert_files(exported: Exported) -> dict[str, bytes]:
    """Return the LiteRT files of a model by stem; refuse one that only Keras can run."""
    found = {"network": exported.network} if exported.suffix == LITERT else {}
    embedder = exported.embedder
    if not found or (embedder and embedder.file.suffix not in (LITERT, ".onnx")):
        raise UsageError(
            "LiteRT cannot run this model, so it is kept as a Keras file, which needs TensorFlow "
            "and may hold code. It cannot be passed on."
        )
    if embedder and embedder.file.suffix == LITERT:
        found["embedding"] = embedder.file.read_bytes()
    return found


def _require_same(
    exported: Exported, litert: Mapping[str, bytes], converted: Mapping[str, bytes]
) -> None:
    """Compare probabilities by both runtimes, on noise."""
    rng = np.random.default_rng(0)
    taken = LiteRTModel(litert["network"])
    shape = (N_TRIED, *FeatureConfig.from_document(exported.document["features"]).shape)
    inputs = [rng.random(shape, dtype=np.float32)] * 2
    if "embedding" in litert and exported.embedder:
        embedding = exported.embedder.embedding
        n_samples = round(embedding.window_s * embedding.sample_rate)
        waves = rng.normal(0, 0.1, (N_TRIED, n_samples)).astype(np.float32)
        values = LiteRTModel(litert["embedding"]).predict_genres(waves)
        inputs = [values, run_onnx(converted["embedding.onnx"], waves)]
        inputs = [one[..., np.newaxis] for one in inputs]
    ours, theirs = taken.predict_genres(inputs[0]), run_onnx(converted["network.onnx"], inputs[1])
    if not (difference := float(np.abs(ours - theirs).max())) <= TOLERANCE:
        raise GenreflowError(
            f"The ONNX files differ from the LiteRT ones by {difference:.2g} in a probability. "
            "Leave out --onnx."
        )


def read_portable(folder: Path) -> Exported:
    """Read a model that somebody has exported, and try it; a `UsageError` says what is wrong.

    Nothing of it is run but its LiteRT or ONNX files. They are data, but one that was made to do
    so can take much memory. Checksums find damage, they do not tell who made it.
    """
    if not (folder / DOCUMENT_FILE).is_file():
        raise UsageError(
            f"{folder} is no exported model: it has no {DOCUMENT_FILE}. Name the folder that "
            "`genreflow export-model` wrote."
        )
    for path in folder.iterdir():
        if path.is_dir():
            continue
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            fault = f"is no file, or larger than {MOST_BYTES // 2**30} GiB"
            raise UsageError(f"{path} {fault}. It is no part of a model.")
    try:
        exported = read_export(folder)
    except ExportUnusable as error:
        raise UsageError(
            f"The model cannot be imported: {error}. Copy the folder again."
        ) from error
    _litert_files(exported)
    try:
        _try(exported)
    except UsageError:
        raise
    except (*_FAULTS, GenreflowError) as error:
        raise UsageError(
            f"The model in {folder} cannot be used ({type(error).__name__}: {error}). It is "
            "incomplete, or another version of genreflow made it."
        ) from error
    return exported


def _try(exported: Exported) -> None:
    """Check what a model says of itself, and that its files give what they should."""
    document = exported.document
    genres, temperature = document["genres"], document["temperature"]
    is_named = isinstance(genres, list) and all(map(_is_name, genres))
    if not is_named or len(set(genres)) != len(genres) or len(genres) < 2:
        raise ValueError("its genres are not two or more different names")
    model_card(document)
    if not 0 < temperature < math.inf or not isinstance(document["version"], int):
        raise ValueError("its temperature or its version is no number")
    features = FeatureConfig.from_document(document["features"])
    _require_modest(features, exported.embedder)
    if (features.embedding is None) != (exported.embedder is None):
        raise ValueError("it lacks the model of its embedding")
    shape = (1, *features.shape)
    probabilities = LiteRTModel(exported.network).predict_genres(np.zeros(shape, np.float32))
    if probabilities.shape != (1, len(genres)):
        raise ValueError(f"its network gives {probabilities.shape[-1]} genres, not {len(genres)}")
    if exported.embedder:
        _try_embedding(exported.embedder)


def _require_modest(features: FeatureConfig, embedder: Model | None) -> None:
    """Refuse stated sizes for which much memory would be taken before any file is run."""
    longest_s, rate = max(features.fragment_s, features.fragments.longest_s), SAMPLE_RATE
    if embedder:
        stated = embedder.embedding
        longest_s, rate = max(longest_s, stated.window_s), max(rate, stated.sample_rate)
    n_values = max(longest_s * rate, math.prod(features.shape)) * features.fragments.n_fragments
    if not n_values <= MOST_VALUES:
        raise ValueError(f"a song would take {n_values:.2g} values by its features")


def _is_name(genre: object) -> bool:
    """Whether a genre is a text without control characters; any space may be in it."""
    return isinstance(genre, str) and bool(genre.strip()) and not _CONTROL.search(genre)


def _try_embedding(embedder: Model) -> None:
    embedding = embedder.embedding
    if not (embedding.hop_s > 0 and embedding.window_s > 0):
        raise ValueError("the windows of its embedding have no possible length or distance")
    n_samples = round((embedding.window_s + 2 * CONTEXT_S) * SAMPLE_RATE)
    silence: Float32Array = np.zeros((1, n_samples), np.float32)
    load_embedder(embedder)(silence)

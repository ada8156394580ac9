"""The locked weights of the musicnn taggers, converted once a machine.

They come as data of the package ``musicnn`` (``checkpoints.py``), which is never imported. The
converted model stands in the cache folder of the user, named by its digest.
"""

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from genre_core.errors import GenreflowError, UsageError
from genre_core.representations.embeddings import SEPARATOR, Embedding
from storage.embeddings.checkpoints import (
    DIGESTS,
    PARTS,
    check_digests,
    installed_package,
    open_checkpoints,
    require_installer,
)
from storage.embeddings.embedder import Model
from storage.extras import require_extra
from storage.files import digest_file, write_bytes
from storage.home import cache_folder


def read_note(name: str) -> dict[str, Any] | None:
    """Return what `write_note` wrote; none if nothing was, or it cannot be read."""
    try:
        return json.loads((cache_folder() / f"{name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None


def write_note(name: str, note: dict[str, Any]) -> None:
    """Write a note as ``<name>.json``; without effect where the cache cannot be written."""
    with suppress(OSError):
        write_bytes(cache_folder() / f"{name}.json", json.dumps(note).encode())


logger = logging.getLogger(__name__)

Variables = Callable[[str], np.ndarray]
"""Returns a variable of a checkpoint by its name."""
CONVERSION = 1
"""Part of every digest: raise it when the conversion comes to give other numbers."""
TAGGERS = {
    "musicnn": ("MTT_musicnn", "MSD_musicnn"),
    "musicnn_vgg": ("MTT_vgg", "MSD_vgg"),
}
N_FEATURES = {"musicnn": 400, "musicnn_vgg": 512}
TRAINED_ON = ("MagnaTagATune", "Million Song Dataset (last.fm tags)")
TAGS = {
    "MTT": (
        "guitar,classical,slow,techno,strings,drums,electronic,rock,fast,piano,ambient,beat,"
        "violin,vocal,synth,female,indian,opera,male,singing,vocals,no vocals,harpsichord,loud,"
        "quiet,flute,woman,male vocal,no vocal,pop,soft,sitar,solo,man,classic,choir,voice,"
        "new age,dance,male voice,female vocal,beats,harp,cello,no voice,weird,country,metal,"
        "female voice,choral"
    ),
    "MSD": (
        "rock,pop,alternative,indie,electronic,female vocalists,dance,00s,alternative rock,jazz,"
        "beautiful,metal,chillout,male vocalists,classic rock,soul,indie rock,Mellow,electronica,"
        "80s,folk,90s,chill,instrumental,punk,oldies,blues,hard rock,ambient,acoustic,"
        "experimental,female vocalist,guitar,Hip-Hop,70s,party,country,easy listening,sexy,"
        "catchy,funk,electro,heavy metal,Progressive rock,60s,rnb,indie pop,sad,House,happy"
    ),
}
"""The 50 tags of each data set, in the order of the logits."""
TOLERANCE = 0.003
"""Largest difference of a tag's probability that weights in float16 may make."""


def builtin_embedding(name: str) -> Embedding:
    """Describe one of the built-in embeddings; no file is read."""
    sources = [DIGESTS[tagger] for tagger in TAGGERS[name]]
    digest = hashlib.sha256("\n".join([*sources, str(CONVERSION)]).encode()).hexdigest()
    return Embedding(
        name=name,
        digest=digest,
        sample_rate=16_000,
        window_s=3.0,
        hop_s=1.5,
        n_features=N_FEATURES[name],
        tags=tuple(
            f"{data}{SEPARATOR}{tag}" for data, tags in TAGS.items() for tag in tags.split(",")
        ),
        licence="ISC, Music Technology Group, Universitat Pompeu Fabra 2019",
        trained_on=TRAINED_ON,
    )


def find_weights(name: str) -> Model:
    """Return a built-in embedding with its converted model."""
    return Model(embedding=builtin_embedding(name), file=weights_file(name))


def weights_file(name: str) -> Path:
    """Return the converted model of a built-in embedding; it is converted first where needed."""
    file = _converted(name)
    if not file.is_file():
        require_extra("train", f"The embedding {name!r}")
        step = "Converting" if installed_package() else "Fetching (29 MB) and converting"
        logger.warning("%s the weights of %s (20 s), once on this machine.", step, name)
        with open_checkpoints(TAGGERS[name]) as checkpoints:
            write_bytes(file, _convert(name, checkpoints))
        write_note(f"embeddings/{file.stem}", {"sha256": digest_file(file)})
    return file


def require_weights(name: str) -> bool:
    """Check the weights of a built-in embedding; return whether they are converted.

    Raises UsageError if they are damaged, or if the next step that needs them could not fetch them.
    """
    file = _converted(name)
    if not file.is_file():
        installed = installed_package()
        _ = check_digests(installed, TAGGERS[name]) if installed else require_installer()
        return False
    note = read_note(f"embeddings/{file.stem}")
    if note and note["sha256"] != digest_file(file):
        raise UsageError(f"{file} is damaged. Remove it: the next `genreflow extract` makes it.")
    return True


def _converted(name: str) -> Path:
    digest = builtin_embedding(name).digest[:16]
    return cache_folder() / "embeddings" / f"{name}-{digest}.tflite"


def _convert(name: str, checkpoints: Mapping[str, Path]) -> bytes:
    """Rebuild the taggers of an embedding and export them with weights in float16."""
    import tensorflow as tf

    from storage.embeddings.musicnn import WINDOW_SAMPLES, build_embedder
    from storage.models.litert import LiteRTModel, write_litert_float16

    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:

        def variables_of(tagger: str) -> Variables:
            for part in PARTS:  # TensorFlow finds the files by these names
                Path(folder, f"{tagger}{part}").symlink_to(checkpoints[tagger] / part)
            return tf.train.load_checkpoint(str(Path(folder, tagger))).get_tensor

        model = build_embedder(TAGGERS[name], variables_of)
        target = Path(folder, "model.tflite")
        write_litert_float16(model, target)
        content = target.read_bytes()
    waves = np.random.default_rng(0).normal(0, 0.1, (2, WINDOW_SAMPLES)).astype(np.float32)
    values = (np.asarray(model(waves, training=False)), LiteRTModel(content).predict_genres(waves))
    tags = [1 / (1 + np.exp(-each[:, N_FEATURES[name] :])) for each in values]
    if not (difference := float(np.abs(tags[0] - tags[1]).max())) <= TOLERANCE:
        raise GenreflowError(f"The converted {name} differs by {difference:.2g} in a tag.")
    return content


if __name__ == "__main__":
    for builtin in TAGGERS:  # `make setup` converts all of them
        weights_file(builtin)

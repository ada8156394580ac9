"""The locked weights of the musicnn taggers: found, checked, and converted once a machine.

They come as data of the package ``musicnn``, which is installed without its dependencies and never
imported. The converted model stands in the cache folder of the user, named by its digest.
"""

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from genre_core.errors import GenreflowError, UsageError
from genre_core.representations.embeddings import SEPARATOR, Embedding
from storage.embeddings.embedder import Model
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
CHECKPOINTS = {
    "MTT_musicnn": "5a310d763b7d8bafda59f31636c3f1b87b5c62d134d7e6ff9b880e4c25515ab4",
    "MSD_musicnn": "ffb40cd66093fac1af5e4bae851c19c767a962aa577d0aa1fa12b426f15215ad",
    "MTT_vgg": "4eb436a338b38d6d52f10c2c1db2a6d0e179b62d438d25820c96b17cce962644",
    "MSD_vgg": "4451d1faa9d27cb599bd0d828766f25ecbf616eeaa1fd5164f49b814a76f2a0a",
}
"""SHA-256 of the index and the data of each checkpoint, one after the other."""
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
PARTS = (".index", ".data-00000-of-00001")


def builtin_embedding(name: str) -> Embedding:
    """Describe one of the built-in embeddings; no file is read."""
    sources = [CHECKPOINTS[tagger] for tagger in TAGGERS[name]]
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
        _checkpoints(name)
        logger.warning("Converting the weights of %s, once on this machine (20 s).", name)
        write_bytes(file, _convert(name))
        write_note(f"embeddings/{file.stem}", {"sha256": digest_file(file)})
    return file


def require_weights(name: str) -> bool:
    """Check the weights of a built-in embedding; return whether they are converted."""
    file = _converted(name)
    if not file.is_file():
        _checkpoints(name)
        return False
    note = read_note(f"embeddings/{file.stem}")
    if note and note["sha256"] != digest_file(file):
        raise UsageError(f"{file} is damaged. Remove it: the next `genreflow extract` makes it.")
    return True


def _converted(name: str) -> Path:
    digest = builtin_embedding(name).digest[:16]
    return cache_folder() / "embeddings" / f"{name}-{digest}.tflite"


def _convert(name: str) -> bytes:
    """Rebuild the taggers of an embedding and export them with weights in float16."""
    checkpoints = _checkpoints(name)
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


def _checkpoints(name: str) -> dict[str, Path]:
    """Return the folder of each checkpoint, after its digest was checked."""
    spec = find_spec("musicnn")
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise UsageError(
            f"The weights of the embedding {name!r} are not installed. Run `make setup`, or "
            "`pip install --no-deps musicnn==0.1.0`; or do without it: "
            'representations = ["thesis"] in genreflow.toml.'
        )
    folders = {tagger: Path(places[0], tagger) for tagger in TAGGERS[name]}
    for tagger, folder in folders.items():
        digest = hashlib.sha256()
        for part in PARTS:
            file = folder / part
            digest.update(file.read_bytes() if file.is_file() else b"")
        if digest.hexdigest() != CHECKPOINTS[tagger]:
            raise UsageError(
                f"The weights in {folder} are not those of musicnn 0.1.0. Install them again: "
                "pip install --no-deps --force-reinstall musicnn==0.1.0"
            )
    return folders


if __name__ == "__main__":
    for builtin in TAGGERS:  # `make setup` converts all of them
        weights_file(builtin)

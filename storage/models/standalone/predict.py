"""Predict the genres of songs without genreflow: `python predict.py SONG`.

It needs numpy, soundfile, soxr, and ai-edge-litert or, for the ONNX files, onnxruntime.
"""

import json
import sys
from pathlib import Path

import numpy as np

sys.dont_write_bytecode = True  # the folder stays as its checksums have it
from front_end import cut_song, open_embedding, open_network, spectrograms  # noqa: E402

FOLDER = Path(__file__).parent
MODEL = json.loads((FOLDER / "champion.json").read_text("utf-8"))
NETWORK = open_network(FOLDER)
EMBEDDING = open_embedding(FOLDER, MODEL["embedder"]) if "embedder" in MODEL else None


def predict(song: str) -> dict[str, float]:
    """Return the calibrated probability of each genre."""
    fragments = cut_song(song, MODEL["features"])
    if EMBEDDING:  # a song is the mean of its windows
        matrices = EMBEDDING(fragments).mean(axis=0)[np.newaxis, :, np.newaxis]
    else:
        matrices = spectrograms(fragments, MODEL["features"])
    mean = NETWORK(matrices).mean(axis=0, dtype=np.float64)
    logs = np.log(np.maximum(mean / mean.sum(), 1e-7)) / MODEL["temperature"]
    weights = np.exp(logs - logs.max())
    return dict(zip(MODEL["genres"], (weights / weights.sum()).tolist(), strict=True))


if __name__ == "__main__":
    found = {song: predict(song) for song in sys.argv[1:]}
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")

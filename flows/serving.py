"""What MLflow serves: songs in, predictions out; `storage/models/pyfunc_model.py` looks it up.

It belongs to the flows because it is an edge, as the commands are: it reads the settings.
"""

from dataclasses import replace
from pathlib import Path
from threading import Lock

import pandas as pd

from flows.settings import read_settings
from storage.fetch.download import DownloadLimits
from tasks.predict import Classifier
from tasks.serving import load_served, predict_rows

COLUMNS = [
    "song",
    "genre",
    "probabilities",
    "error",
    "champion",
    "confidence",
    "unknown",
    "alternatives",
]


class ServedModel:
    """A classifier that answers in MLflow's form, one request after the other."""

    def __init__(self, classifier: Classifier, limits: DownloadLimits) -> None:
        self._classifier, self._limits, self._lock = classifier, limits, Lock()

    @classmethod
    def load(cls, folder: Path) -> "ServedModel":
        """Load the model in the folder of a logged model.

        A client of the server is not its owner, so even an address that it names must be public,
        unless ``limits.allow_private`` is set.
        """
        limits = replace(read_settings().limits, trust_named=False)
        return cls(load_served(folder), limits)

    def predict(self, songs: pd.DataFrame) -> pd.DataFrame:
        """Predict a row a song: ``song``, a path or an address, or ``audio_base64``."""
        with self._lock:  # a LiteRT model is for one thread at a time
            rows = predict_rows(self._classifier, songs.to_dict("records"), self._limits)
        # as objects, or None would become a NaN, which is not JSON
        return pd.DataFrame(rows, columns=COLUMNS, dtype=object)

"""What MLflow imports to serve a model: songs in, verdicts out.

It stands among the flows because it is an edge, as the command line is: it reads the settings.
`storage/models/networks.py` writes its name into every logged model.
"""

from dataclasses import replace
from pathlib import Path
from threading import Lock

import pandas as pd

from flows.settings import read_settings
from storage.fetch.download import DownloadLimits
from tasks.predict import Judge
from tasks.serving import judge_rows, load_served

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


class ServedNetwork:
    """A network that answers in MLflow's form, one question after the other."""

    def __init__(self, judge: Judge, limits: DownloadLimits) -> None:
        self._judge, self._limits, self._turn = judge, limits, Lock()

    def predict(self, asked: pd.DataFrame) -> pd.DataFrame:
        """Judge a row a song: ``song``, a path or an address, or ``audio_base64``."""
        with self._turn:  # the light network is for one thread at a time
            rows = judge_rows(self._judge, asked.to_dict("records"), self._limits)
        # as objects, or None would become a NaN, which is not JSON
        return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def _load_pyfunc(folder: str) -> ServedNetwork:
    """Load a logged model; MLflow calls this by its name.

    Whoever asks a server is not who runs it, so even an address that is asked for must be public,
    unless ``limits.allow_private`` is set.
    """
    config = read_settings()
    limits = replace(config.limits, trust_named=False)
    return ServedNetwork(load_served(config.layout, Path(folder)), limits)

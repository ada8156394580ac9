"""The first import of Keras, which takes nine seconds."""

import logging
import os
import sys
from importlib import import_module
from types import ModuleType

from tasks.terminal import announce


def import_training() -> ModuleType:
    """Import ``genre_core.training.fit``, and with it Keras."""
    if "keras" not in sys.modules:
        announce("Loading TensorFlow, which takes some seconds")
    training = import_module("genre_core.training.fit")
    # TensorFlow warns that every network is traced again
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return training


def numeric_params() -> dict[str, str]:
    """Return what the numbers of a training depend on besides its settings; imports Keras.

    ``flows/environment.py`` pins the variables.
    """
    params: dict[str, str] = import_training().describe_backend()
    pinned = {"threads": "TF_NUM_INTRAOP_THREADS", "onednn": "TF_ENABLE_ONEDNN_OPTS"}
    return {name: os.environ.get(variable, "") for name, variable in pinned.items()} | params


def import_learning() -> ModuleType:
    """Import the training of fixed epochs, which needs Keras, too."""
    import_training()
    return import_module("genre_core.training.fixed_epochs")

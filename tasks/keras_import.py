"""The first import of Keras, which takes nine seconds."""

import logging
from importlib import import_module
from types import ModuleType


def import_training() -> ModuleType:
    """Import ``genre_core.training.fit``, and with it Keras."""
    training = import_module("genre_core.training.fit")
    # TensorFlow warns that every network is traced again
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return training


def import_learning() -> ModuleType:
    """Import the training of fixed epochs, which needs Keras, too."""
    import_training()
    return import_module("genre_core.training.fixed_epochs")

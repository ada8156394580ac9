"""Who reigns, asked without MLflow, which takes seconds to load."""

from storage.home import DataLayout
from storage.models.champion import (
    CHALLENGER,
    CHAMPION,
    MODEL_URI_TAG,
    PREVIOUS,
    REGISTERED,
    Champion,
)
from storage.models.places import find_place

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "MODEL_URI_TAG",
    "PREVIOUS",
    "REGISTERED",
    "Champion",
    "read_alias",
]


def read_alias(layout: DataLayout) -> Champion | None:
    """Give the network that the alias names; none before the first promotion.

    Its ``model_uri`` is empty if the version was registered by something else.

    Raises
    ------
    sqlite3.Error
        If the tables of the home cannot be read, or are not those of the MLflow that is locked.
    TransientError
        If the runs are on a tracking server that does not answer.
    UsageError
        If that server refuses, or the setting ``tracking`` does not fit the home.
    """
    return find_place(layout).read_alias()

"""The names in MLflow under which all of us are found, and the record of the network in use."""

from dataclasses import dataclass

EXPERIMENT = "genreflow"
REGISTERED = "genreflow"
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
MODEL_URI_TAG = "model_uri"  # a version does not say everywhere which logged model it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The registered network in use."""

    version: int
    run_id: str
    model_uri: str

"""One training of a comparison, as its parameters, its tags and its name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from genre_core.features import name_features

Parameter = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCell:
    """What one training of a comparison varies and keeps.

    Attributes
    ----------
    fragment_s : float
        Length of a fragment, seconds.
    genres : tuple of str
        In the order of the labels.
    n_train, n_validation, n_test : int
        Examples in each split.
    examples_digest : str
        Of the training and validation examples themselves; empty where it is not known.
    config : mapping
        The settings of the training, flat: ``batch_size``, ``learning_rate`` …
    """

    network: str
    representation: str
    fragment_s: float
    seed: int
    snapshot_id: str
    feature_key: str
    genres: tuple[str, ...]
    n_train: int
    n_validation: int
    n_test: int
    examples_digest: str = ""
    config: Mapping[str, Parameter] = field(default_factory=dict)


def run_name(cell: RunCell) -> str:
    """What tells the runs of one comparison apart: ``cnn 1.5 s seed 0``."""
    return f"{cell.network} {name_features(cell.representation, cell.fragment_s)} seed {cell.seed}"


def run_params(cell: RunCell) -> dict[str, str]:
    """The parameters that every run has, under the same names and in the same notation.

    Raises
    ------
    ValueError
        If a setting of the training bears the name of one of them.
    """
    params: dict[str, Parameter] = {
        "network": cell.network,
        "representation": cell.representation,
        "fragment_s": cell.fragment_s,
        "seed": cell.seed,
        "genres": ", ".join(cell.genres),
        "n_genres": len(cell.genres),
        "n_train": cell.n_train,
        "n_validation": cell.n_validation,
        "n_test": cell.n_test,
    }
    if doubled := params.keys() & cell.config.keys():
        raise ValueError(f"config must not set {', '.join(sorted(doubled))}: the cell does")
    return {name: _notation(value) for name, value in (params | dict(cell.config)).items()}


def run_tags(cell: RunCell) -> dict[str, str]:
    """The tags that tell which examples a run learnt from."""
    tags = {"snapshot_id": cell.snapshot_id, "feature_key": cell.feature_key}
    return tags | ({"examples_digest": cell.examples_digest} if cell.examples_digest else {})


def _notation(value: Parameter) -> str:
    """One notation a number, so that 3 and 3.0 are one value to the eye and to a filter."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)

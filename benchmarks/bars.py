"""A figure and the bar it is held to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One measured figure; ``at_least`` says on which side of the bar it should lie."""

    name: str
    measured: float
    bar: float
    unit: str
    at_least: bool
    note: str = ""

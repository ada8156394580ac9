"""A bar: what was measured, and what it is held to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One measured number beside the number that it is held to.

    ``bar`` may be infinite (or zero, with ``at_least``): then nothing is asked of the number.
    """

    name: str
    measured: float
    bar: float
    unit: str
    at_least: bool
    note: str = ""

"""The representations one can ask for: a new one is a function and one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from genre_core.representations import bands, spectrum


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """How fragments become matrices.

    Attributes
    ----------
    matrices : callable
        float32 (n_fragments, fragment_samples) to float32 (n_fragments, n_bands, n_frames).
    shape : callable
        ``fragment_s`` to ``(n_bands, n_frames)``.
    settings : mapping
        All that the numbers depend on; part of the feature key.
    """

    matrices: Callable[[Float32Array], Float32Array]
    shape: Callable[[float], tuple[int, int]]
    settings: Mapping[str, object]


def _band_shape(fragment_s: float) -> tuple[int, int]:
    return len(bands.band_edges_hz()) - 1, spectrum.count_frames(fragment_s)


_BAND_SETTINGS = {
    "frame_samples": spectrum.FRAME_SAMPLES,
    "hop_samples": spectrum.HOP_SAMPLES,
    "edges_hz": [round(edge, 6) for edge in bands.band_edges_hz()],
    "pool": "maximum",
    "window": "none",
}

REPRESENTATIONS: Mapping[str, Representation] = MappingProxyType(
    {
        "thesis": Representation(
            matrices=bands.thesis_matrices,
            shape=_band_shape,
            settings=MappingProxyType({**_BAND_SETTINGS, "scale": "power"}),
        ),
        "bands_db": Representation(
            matrices=bands.decibel_matrices,
            shape=_band_shape,
            settings=MappingProxyType(
                {**_BAND_SETTINGS, "scale": "decibel", "floor_db": bands.FLOOR_DB}
            ),
        ),
    }
)


def find_representation(name: str) -> Representation:
    """Give a representation by its name, or say which there are.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in REPRESENTATIONS:
        known = ", ".join(sorted(REPRESENTATIONS))
        raise UsageError(f"There is no representation {name!r}. Choose one of: {known}.")
    return REPRESENTATIONS[name]

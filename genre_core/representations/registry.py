"""The representations by name: a new one is a function and one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from genre_core.representations import bands, legacy, mel, spectrum, waveform

DECIBEL = "decibel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """How fragments become matrices.

    ``matrices`` maps float32 (n_fragments, fragment_samples) to (n_fragments, n_bands, n_frames);
    ``n_frames`` is of so many seconds. ``settings`` is all that the numbers depend on, and part of
    the feature key. ``edges_hz`` are the edges of the bands, from low to high; empty where rows
    are no bands.
    """

    matrices: Callable[[Float32Array], Float32Array]
    n_bands: int
    n_frames: Callable[[float], int]
    settings: Mapping[str, object]
    edges_hz: tuple[float, ...] = ()

    def shape(self, fragment_s: float) -> tuple[int, int]:
        """Shape of a matrix, (n_bands, n_frames)."""
        return self.n_bands, self.n_frames(fragment_s)

    @property
    def is_decibel(self) -> bool:
        """Whether a matrix is in decibels, so that a filter is an offset of its bands."""
        return self.settings.get("scale") == DECIBEL


_FRAMES = {
    "frame_samples": spectrum.FRAME_SAMPLES,
    "hop_samples": spectrum.HOP_SAMPLES,
    "transform": spectrum.TRANSFORM,
}
_EDGES_HZ = [round(edge, 6) for edge in bands.band_edges_hz()]
_BANDS = {**_FRAMES, "edges_hz": _EDGES_HZ, "pool": "maximum", "window": "none"}
_LEGACY = {
    **_FRAMES,
    "bins_per_band": legacy.BINS_PER_BAND,
    "pool": "mean",
    "window": "hann, frames without their mean",
    "scale": "power, one-sided",
}
REPRESENTATIONS: Mapping[str, Representation] = {
    "thesis": Representation(
        matrices=bands.thesis_matrices,
        n_bands=len(_EDGES_HZ) - 1,
        n_frames=spectrum.count_frames,
        settings={**_BANDS, "scale": "power"},
        edges_hz=tuple(_EDGES_HZ),
    ),
    "bands_db": Representation(
        matrices=bands.decibel_matrices,
        n_bands=len(_EDGES_HZ) - 1,
        n_frames=spectrum.count_frames,
        settings={**_BANDS, "scale": DECIBEL, "floor_db": bands.FLOOR_DB},
        edges_hz=tuple(_EDGES_HZ),
    ),
    "getec": Representation(
        matrices=legacy.legacy_matrices,
        n_bands=legacy.N_BANDS,
        n_frames=spectrum.count_frames,
        settings={**_LEGACY, "cast": "none"},
        edges_hz=legacy.EDGES_HZ,
    ),
    "getec_int16": Representation(
        matrices=legacy.legacy_int16_matrices,
        n_bands=legacy.N_BANDS,
        n_frames=spectrum.count_frames,
        settings={**_LEGACY, "cast": "int16, wrapped", "full_scale": legacy.FULL_SCALE},
        edges_hz=legacy.EDGES_HZ,
    ),
    "logmel": Representation(
        matrices=mel.logmel_matrices,
        n_bands=mel.N_BANDS,
        n_frames=partial(
            spectrum.count_frames, frame_samples=mel.FRAME_SAMPLES, hop_samples=mel.HOP_SAMPLES
        ),
        settings={
            "frame_samples": mel.FRAME_SAMPLES,
            "hop_samples": mel.HOP_SAMPLES,
            "transform": spectrum.TRANSFORM,
            "n_bands": mel.N_BANDS,
            "low_hz": mel.LOW_HZ,
            "top_hz": mel.TOP_HZ,
            "mel": "slaney, area 1",
            "window": "hann",
            "scale": DECIBEL,
            "floor_db": mel.FLOOR_DB,
        },
        edges_hz=mel.band_edges_hz(),
    ),
    "envelope": Representation(
        matrices=waveform.envelope_matrices,
        n_bands=1,
        n_frames=partial(
            spectrum.count_frames,
            frame_samples=waveform.HOP_SAMPLES,
            hop_samples=waveform.HOP_SAMPLES,
        ),
        settings={"hop_samples": waveform.HOP_SAMPLES, "measure": "root mean square"},
    ),
    "waveform": Representation(
        matrices=waveform.waveform_matrices,
        n_bands=waveform.COLUMN_SAMPLES,
        n_frames=waveform.count_columns,
        settings={
            "decimation": waveform.DECIMATION,
            "column_samples": waveform.COLUMN_SAMPLES,
            "low_pass": "101 taps, kaiser 5",
        },
    ),
}


def find_representation(name: str) -> Representation:
    """Return a representation by its name; an unknown one is a `UsageError`."""
    if name not in REPRESENTATIONS:
        known = ", ".join(sorted(REPRESENTATIONS))
        raise UsageError(f"There is no representation {name!r}. Choose one of: {known}.")
    return REPRESENTATIONS[name]

"""The representations one can ask for: a new one is a function and one entry here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from genre_core.errors import UsageError
from genre_core.examples import Float32Array
from genre_core.representations import bands, mel, spectrum, waveform
from genre_core.representations import legacy as getec
from genre_core.representations import waveform as envelope

DECIBEL = "decibel"


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
    edges_hz : tuple of float
        Edges of the bands, one more than bands, from low to high; empty where rows are no bands.
    """

    matrices: Callable[[Float32Array], Float32Array]
    shape: Callable[[float], tuple[int, int]]
    settings: Mapping[str, object]
    edges_hz: tuple[float, ...] = ()

    @property
    def is_decibel(self) -> bool:
        """Whether a matrix is in decibels, so that a filter is an offset of its bands."""
        return self.settings.get("scale") == DECIBEL


def _band_shape(fragment_s: float) -> tuple[int, int]:
    return len(bands.band_edges_hz()) - 1, spectrum.count_frames(fragment_s)


def _getec_shape(fragment_s: float) -> tuple[int, int]:
    return getec.N_BANDS, spectrum.count_frames(fragment_s)


def _mel_shape(fragment_s: float) -> tuple[int, int]:
    return mel.N_BANDS, spectrum.count_frames(fragment_s, mel.FRAME_SAMPLES, mel.HOP_SAMPLES)


def _envelope_shape(fragment_s: float) -> tuple[int, int]:
    hop_samples = envelope.HOP_SAMPLES
    return 1, spectrum.count_frames(fragment_s, hop_samples, hop_samples)


def _waveform_shape(fragment_s: float) -> tuple[int, int]:
    return waveform.COLUMN_SAMPLES, waveform.count_columns(fragment_s)


_FRAME_SETTINGS = {
    "frame_samples": spectrum.FRAME_SAMPLES,
    "hop_samples": spectrum.HOP_SAMPLES,
}
_BAND_EDGES_HZ = [round(edge, 6) for edge in bands.band_edges_hz()]
_BAND_SETTINGS = {
    **_FRAME_SETTINGS,
    "edges_hz": _BAND_EDGES_HZ,
    "pool": "maximum",
    "window": "none",
}
_GETEC_SETTINGS = {
    **_FRAME_SETTINGS,
    "bins_per_band": getec.BINS_PER_BAND,
    "pool": "mean",
    "window": "hann, frames without their mean",
    "scale": "power, one-sided",
}
_MEL_SETTINGS = {
    "frame_samples": mel.FRAME_SAMPLES,
    "hop_samples": mel.HOP_SAMPLES,
    "n_bands": mel.N_BANDS,
    "low_hz": mel.LOW_HZ,
    "top_hz": mel.TOP_HZ,
    "mel": "slaney, area 1",
    "window": "hann",
    "scale": DECIBEL,
    "floor_db": mel.FLOOR_DB,
}

REPRESENTATIONS: Mapping[str, Representation] = MappingProxyType(
    {
        "thesis": Representation(
            matrices=bands.thesis_matrices,
            shape=_band_shape,
            settings=MappingProxyType({**_BAND_SETTINGS, "scale": "power"}),
            edges_hz=tuple(_BAND_EDGES_HZ),
        ),
        "bands_db": Representation(
            matrices=bands.decibel_matrices,
            shape=_band_shape,
            settings=MappingProxyType(
                {**_BAND_SETTINGS, "scale": DECIBEL, "floor_db": bands.FLOOR_DB}
            ),
            edges_hz=tuple(_BAND_EDGES_HZ),
        ),
        "getec": Representation(
            matrices=getec.getec_matrices,
            shape=_getec_shape,
            settings=MappingProxyType({**_GETEC_SETTINGS, "cast": "none"}),
            edges_hz=getec.band_edges_hz(),
        ),
        "getec_int16": Representation(
            matrices=getec.getec_int16_matrices,
            shape=_getec_shape,
            settings=MappingProxyType(
                {**_GETEC_SETTINGS, "cast": "int16, wrapped", "full_scale": getec.FULL_SCALE}
            ),
            edges_hz=getec.band_edges_hz(),
        ),
        "logmel": Representation(
            matrices=mel.logmel_matrices,
            shape=_mel_shape,
            settings=MappingProxyType(_MEL_SETTINGS),
            edges_hz=mel.band_edges_hz(),
        ),
        "envelope": Representation(
            matrices=envelope.envelope_matrices,
            shape=_envelope_shape,
            settings=MappingProxyType(
                {"hop_samples": envelope.HOP_SAMPLES, "measure": "root mean square"}
            ),
        ),
        "waveform": Representation(
            matrices=waveform.waveform_matrices,
            shape=_waveform_shape,
            settings=MappingProxyType(
                {
                    "decimation": waveform.DECIMATION,
                    "column_samples": waveform.COLUMN_SAMPLES,
                    "low_pass": "101 taps, kaiser 5",
                }
            ),
        ),
    }
)


def find_representation(name: str) -> Representation:
    """Return a representation by its name.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in REPRESENTATIONS:
        known = ", ".join(sorted(REPRESENTATIONS))
        raise UsageError(f"There is no representation {name!r}. Choose one of: {known}.")
    return REPRESENTATIONS[name]

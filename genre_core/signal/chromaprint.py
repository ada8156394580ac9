"""Chromaprint's fingerprint of a signal, in its default algorithm (number 2, "test 2").

The chroma of a song is a picture, twelve notes high; sixteen filters compare parts of a window that
slides over it, and each gives two bits. Described by L. Lalinský, "How does Chromaprint work?"
(oxygene.sk, 2011), after Jang et al., "Pairwise Boosted Audio Fingerprint" (IEEE TIFS, 2009). The
thresholds are those that he trained, so that the items are those of AcoustID's library.
"""

from typing import Literal, NamedTuple, TypeAlias

import ducc0
import numpy as np
import numpy.typing as npt

from genre_core.examples import Float32Array
from genre_core.signal.fingerprints import HOP, SAMPLE_RATE, Items

Float64Array: TypeAlias = npt.NDArray[np.float64]

N_WINDOW = 4096
N_NOTES = 12
_LOWEST_HZ, _HIGHEST_HZ = 28, 3520
_LOWEST_A_HZ = 27.5
_SMOOTHING = (0.25, 0.75, 1.0, 0.75, 0.25)
_SILENT = 0.01  # norm of the chroma below which it is that of silence
_N_COLUMNS = 16  # of the widest filter
_GRAY = np.array([0, 1, 3, 2], np.uint32)
_WINDOWS_AT_ONCE = 16  # stay in the cache


class _Classifier(NamedTuple):
    """Where a filter lies in the window, how it is parted, and what parts its values."""

    parts: Literal["whole", "notes in 2", "times in 2", "checkered", "notes in 3", "times in 3"]
    note: int
    n_notes: int
    n_columns: int
    thresholds: tuple[float, float, float]


_CLASSIFIERS = (
    _Classifier("whole", 4, 3, 15, (1.98215, 2.35817, 2.63523)),
    _Classifier("notes in 3", 4, 6, 15, (-1.03809, -0.651211, -0.282167)),
    _Classifier("notes in 2", 0, 4, 16, (-0.298702, 0.119262, 0.558497)),
    _Classifier("checkered", 8, 2, 12, (-0.105439, 0.0153946, 0.135898)),
    _Classifier("checkered", 4, 4, 8, (-0.142891, 0.0258736, 0.200632)),
    _Classifier("notes in 3", 0, 3, 5, (-0.826319, -0.590612, -0.368214)),
    _Classifier("notes in 2", 2, 2, 9, (-0.557409, -0.233035, 0.0534525)),
    _Classifier("times in 2", 7, 3, 4, (-0.0646826, 0.00620476, 0.0784847)),
    _Classifier("times in 2", 6, 2, 16, (-0.192387, -0.029699, 0.215855)),
    _Classifier("times in 2", 1, 3, 2, (-0.0397818, -0.00568076, 0.0292026)),
    _Classifier("times in 3", 10, 1, 15, (-0.53823, -0.369934, -0.190235)),
    _Classifier("checkered", 6, 2, 10, (-0.124877, 0.0296483, 0.139239)),
    _Classifier("times in 2", 1, 1, 14, (-0.101475, 0.0225617, 0.231971)),
    _Classifier("checkered", 5, 6, 4, (-0.0799915, -0.00729616, 0.063262)),
    _Classifier("notes in 2", 9, 2, 12, (-0.272556, 0.019424, 0.302559)),
    _Classifier("checkered", 4, 2, 14, (-0.164292, -0.0321188, 0.0846339)),
)


def fingerprint_signal(signal: Float32Array) -> Items:
    """Fingerprint of a signal at 11,025 Hz, float32 (n_samples,): uint32 (n_items,).

    One item each 1365 samples; none for a signal of less than some 2.6 s.
    """
    chroma = _chroma(signal)
    if len(chroma) < len(_SMOOTHING) + _N_COLUMNS - 1:
        return np.empty(0, np.uint32)
    n_columns = len(chroma) - len(_SMOOTHING) + 1
    smooth = sum(w * chroma[n : n + n_columns] for n, w in enumerate(_SMOOTHING))
    norms = np.sqrt(np.square(smooth).sum(axis=1, keepdims=True))
    image = np.divide(smooth, norms, out=np.zeros_like(smooth), where=norms >= _SILENT)
    sums = np.zeros((n_columns + 1, N_NOTES + 1))
    sums[1:, 1:] = image.cumsum(axis=0).cumsum(axis=1)
    items = np.zeros(n_columns - _N_COLUMNS + 1, np.uint32)
    for classifier in _CLASSIFIERS:
        values = _filter(sums, classifier, len(items))
        items <<= 2
        items |= _GRAY[np.searchsorted(classifier.thresholds, values, side="right")]
    return items


def _chroma(signal: Float32Array) -> Float64Array:
    """Energy of each note (n_windows, 12), A first, all octaves together."""
    if len(signal) < N_WINDOW:
        return np.empty((0, N_NOTES))
    hamming = np.hamming(N_WINDOW).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(signal, N_WINDOW)[::HOP]
    return np.concatenate(
        [
            _energies(windows[first : first + _WINDOWS_AT_ONCE] * hamming)
            for first in range(0, len(windows), _WINDOWS_AT_ONCE)
        ]
    )


def _energies(windows: Float32Array) -> Float64Array:
    spectra = ducc0.fft.r2c(windows, axes=(1,))[:, _FIRST_BIN:_LAST_BIN]
    energies: Float64Array = (spectra.real**2 + spectra.imag**2) @ _IS_NOTE
    return energies.astype(np.float64)


def _filter(sums: Float64Array, classifier: _Classifier, n_items: int) -> Float64Array:
    """Difference of the parts of a filter, each as log(1 + sum), at each place of the window."""
    parts, note, n_notes, width, _ = classifier
    top, right = note + n_notes, width

    def area(left: int, low: int, right: int, high: int) -> Float64Array:
        before, behind = sums[left : left + n_items], sums[right : right + n_items]
        return behind[:, high] - behind[:, low] - before[:, high] + before[:, low]

    whole = area(0, note, right, top)
    if parts == "whole":
        return np.log1p(whole)
    if parts == "notes in 2":
        inner = area(0, note + n_notes // 2, right, top)
    elif parts == "times in 2":
        inner = area(width // 2, note, right, top)
    elif parts == "notes in 3":
        inner = area(0, note + n_notes // 3, right, note + 2 * (n_notes // 3))
    elif parts == "times in 3":
        inner = area(width // 3, note, 2 * (width // 3), top)
    else:
        middle, half = note + n_notes // 2, width // 2
        inner = area(0, middle, half, top) + area(half, note, right, middle)
    return np.log1p(inner) - np.log1p(whole - inner)


_FIRST_BIN, _LAST_BIN = (round(hz * N_WINDOW / SAMPLE_RATE) for hz in (_LOWEST_HZ, _HIGHEST_HZ))


def _notes() -> Float32Array:
    """Which bin belongs to which note, as a matrix of 0 and 1 (n_bins, 12)."""
    hz = np.arange(_FIRST_BIN, _LAST_BIN) * SAMPLE_RATE / N_WINDOW
    octaves = np.log2(hz / _LOWEST_A_HZ)
    notes = (N_NOTES * (octaves - np.floor(octaves))).astype(np.int64)
    return np.eye(N_NOTES, dtype=np.float32)[notes]


_IS_NOTE = _notes()

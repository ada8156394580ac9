"""Four ways from an mp3 to the thesis's matrices: ours, its bare limit, and the two usual ones.

All give float32 (15, 12, 29) of the same fragments.
"""

import warnings
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.signal
import soundfile

from genre_core.examples import Float32Array
from genre_core.records import Track
from genre_core.representations.bands import band_bins
from genre_core.representations.features import FeatureConfig, matrices_of
from genre_core.representations.spectrum import FRAME_SAMPLES, HOP_SAMPLES, scale_matrices
from genre_core.signal.fragments import SAMPLE_RATE, draw_starts, track_rng
from storage.audio.decode import cut_song
from storage.audio.wav import round_samples

FEATURES = FeatureConfig()
FRAGMENT_SAMPLES = round(FEATURES.fragment_s * SAMPLE_RATE)


def ours(song: Path, track: Track) -> Float32Array:
    """Cut and transform as extract does, without the store."""
    cut = cut_song(song, track.track_id, track.facts, FEATURES.fragments)
    return matrices_of(round_samples(cut.fragments), FEATURES)


def bare(song: Path, track: Track) -> Float32Array:
    """Seek, read, mix, transform, pool: what any program must do that decodes fragments alone."""
    fragments = np.empty((FEATURES.fragments.n_fragments, FRAGMENT_SAMPLES), np.float32)
    with soundfile.SoundFile(song) as file:
        for row, start in enumerate(_starts(track)):
            file.seek(start)
            samples = file.read(FRAGMENT_SAMPLES, dtype="float32", always_2d=True)
            fragments[row] = (samples[:, 0] + samples[:, 1]) / 2
    frames = np.lib.stride_tricks.sliding_window_view(fragments, FRAME_SAMPLES, axis=-1)
    spectra = scipy.fft.rfft(frames[:, ::HOP_SAMPLES], axis=-1)
    return _pool((spectra.real**2 + spectra.imag**2).swapaxes(-1, -2))


def whole_decode(song: Path, track: Track) -> Float32Array:
    """Decode the whole song with pydub, then SciPy's spectrogram of each fragment."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import imageio_ffmpeg
        from pydub import AudioSegment
    AudioSegment.converter = imageio_ffmpeg.get_ffmpeg_exe()
    segment = AudioSegment.from_file(str(song), codec=track.codec).set_channels(1)
    signal = np.array(segment.get_array_of_samples(), dtype=np.float32) / 2**15
    matrices = []
    for start in _starts(track):
        _, _, powers = scipy.signal.spectrogram(
            signal[start : start + FRAGMENT_SAMPLES],
            fs=SAMPLE_RATE,
            window="boxcar",
            nperseg=FRAME_SAMPLES,
            noverlap=FRAME_SAMPLES - HOP_SAMPLES,
            detrend=False,
        )
        matrices.append(powers)
    return _pool(np.stack(matrices))


def librosa_decode(song: Path, track: Track) -> Float32Array:
    """Load the whole song with librosa, then its short-time transform of each fragment."""
    import librosa

    signal, _ = librosa.load(song, sr=SAMPLE_RATE, mono=True)
    fragments = np.stack([signal[start : start + FRAGMENT_SAMPLES] for start in _starts(track)])
    spectra = librosa.stft(
        fragments, n_fft=FRAME_SAMPLES, hop_length=HOP_SAMPLES, window="boxcar", center=False
    )
    return _pool(np.abs(spectra) ** 2)


def _starts(track: Track) -> list[int]:
    starts_s = draw_starts(track.duration_s, FEATURES.fragments, track_rng(track.track_id))
    return [round(start_s * SAMPLE_RATE) for start_s in starts_s]


def _pool(powers: Float32Array) -> Float32Array:
    """Return the maximum of each band, from powers (n_fragments, n_bins, n_frames)."""
    bins = band_bins()
    return scale_matrices(np.maximum.reduceat(powers[:, : bins[-1]], bins[:-1], axis=1))

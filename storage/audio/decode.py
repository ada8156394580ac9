"""Read fragments of a song: by libsndfile where it seeks exactly, elsewhere by libavcodec."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import AudioFacts, Reason
from storage.audio.resample import SAMPLE_RATE, cut_fragment, needed_span
from storage.audio.seek import can_seek, seek_spans
from storage.audio.stream import stream_spans

# The first number is ours: raise it when the samples that come out of this module change.
DECODER_VERSION = "1-sndfile{}-avcodec{}-soxr{}".format(
    soundfile.__libsndfile_version__,
    ".".join(map(str, av.library_versions["libavcodec"])),
    soxr.__version__,
)
# A length is known to within a packet; so little missing at the end of a song is silence.
_MISSING_S = 0.05


def read_fragments(
    path: Path, facts: AudioFacts, starts_s: Sequence[float], fragment_s: float
) -> Float32Array:
    """Decode fragments of a song to 44.1 kHz, mono, the mean of its channels.

    Parameters
    ----------
    path : Path
        The song.
    facts : AudioFacts
        What `probe_audio` says of it.
    starts_s : sequence of float
        Where the fragments begin, in seconds; in any order, and they may overlap.
    fragment_s : float
        Length of each fragment in seconds.

    Returns
    -------
    float32 [shape=(len(starts_s), round(44100 * fragment_s))]
        The same samples that decoding and resampling the whole song would give there.

    Raises
    ------
    TrackRejected
        If a fragment cannot be decoded, lies beyond the end, or is not made of finite numbers.
    ValueError
        If a fragment starts before the song or has no length.
    """
    n_samples = round(fragment_s * SAMPLE_RATE)
    starts = [round(start_s * SAMPLE_RATE) for start_s in starts_s]
    if n_samples < 1 or min(starts, default=0) < 0:
        raise ValueError(f"no fragments of {fragment_s} s at {list(starts_s)} s")
    spans = [needed_span(start, n_samples, facts.sample_rate) for start in starts]
    read_spans = seek_spans if can_seek(path, facts) else stream_spans
    fragments = np.zeros((len(starts), n_samples), dtype=np.float32)
    for row, signal in enumerate(read_spans(path, facts, spans)):
        cut = cut_fragment(signal, spans[row], starts[row], facts.sample_rate)[:n_samples]
        _check(cut, n_samples, starts_s[row], path)
        fragments[row, : len(cut)] = cut
    return fragments


def _check(fragment: Float32Array, n_samples: int, start_s: float, path: Path) -> None:
    if n_samples - len(fragment) > _MISSING_S * SAMPLE_RATE:
        message = (
            f"{path} breaks off {len(fragment) / SAMPLE_RATE:.2f} s after {start_s:.1f} s, where"
            f" {n_samples / SAMPLE_RATE:g} s are needed. Fetch the whole file again."
        )
        raise TrackRejected(Reason.TRUNCATED, message)
    if not np.isfinite(fragment).all():
        message = (
            f"{path} holds samples that are no numbers after {start_s:.1f} s. Encode it again."
        )
        raise TrackRejected(Reason.UNDECODABLE, message)

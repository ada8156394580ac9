"""Read fragments of a song: by libsndfile where it seeks exactly, elsewhere by libavcodec."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What reading fragments gave.

    Attributes
    ----------
    fragments : float32 [shape=(n_fragments, n_samples)]
        44.1 kHz, mono; a row that has a fault is of no use.
    faults : mapping of int to TrackRejected
        Why rows cannot be had, by their number.
    full_scale_share : float
        Share of the samples of the song, all channels counted, that stand at full scale.
    """

    fragments: Float32Array
    faults: Mapping[int, TrackRejected]
    full_scale_share: float


def read_fragments(
    path: Path, facts: AudioFacts, starts_s: Sequence[float], fragment_s: float
) -> Float32Array:
    """Decode fragments of a song, all of them or none.

    Takes what `hear_fragments` takes and gives its fragments.

    Returns
    -------
    float32 [shape=(len(starts_s), round(44100 * fragment_s))]

    Raises
    ------
    TrackRejected
        If a fragment cannot be decoded, lies beyond the end, or is not made of finite numbers.
    ValueError
        If a fragment starts before the song or has no length.
    """
    hearing = hear_fragments(path, facts, starts_s, fragment_s)
    for fault in hearing.faults.values():
        raise fault
    return hearing.fragments


def hear_fragments(
    path: Path, facts: AudioFacts, starts_s: Sequence[float], fragment_s: float
) -> Hearing:
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
    Hearing
        The same samples that decoding and resampling the whole song would give there; a fault
        where a fragment cannot be decoded or lies beyond the end.

    Raises
    ------
    TrackRejected
        ``nan``, if a fragment is not made of finite numbers; ``undecodable``, if the song cannot
        be opened or changes its sample rate.
    ValueError
        If a fragment starts before the song or has no length.
    """
    n_samples = round(fragment_s * SAMPLE_RATE)
    starts = [round(start_s * SAMPLE_RATE) for start_s in starts_s]
    if n_samples < 1 or min(starts, default=0) < 0:
        raise ValueError(f"no fragments of {fragment_s} s at {list(starts_s)} s")
    spans = [needed_span(start, n_samples, facts.sample_rate) for start in starts]
    read_spans = seek_spans if can_seek(path, facts) else stream_spans
    stretches = read_spans(path, facts, spans)
    fragments = np.zeros((len(starts), n_samples), dtype=np.float32)
    faults: dict[int, TrackRejected] = {}
    for row, stretch in enumerate(stretches):
        signal = cut_fragment(stretch.signal, spans[row], starts[row], facts.sample_rate)
        cut = signal[:n_samples]
        if fault := stretch.fault or _shortfall(cut, n_samples, starts_s[row], path):
            faults[row] = fault
        else:
            _require_numbers(cut, starts_s[row], path)
            fragments[row, : len(cut)] = cut
    shares = [stretch.full_scale_share for stretch in stretches if not stretch.fault]
    return Hearing(
        fragments=fragments,
        faults=faults,
        full_scale_share=sum(shares) / len(shares) if shares else 0.0,
    )


def _shortfall(
    fragment: Float32Array, n_samples: int, start_s: float, path: Path
) -> TrackRejected | None:
    if n_samples - len(fragment) <= _MISSING_S * SAMPLE_RATE:
        return None
    message = (
        f"{path} breaks off {len(fragment) / SAMPLE_RATE:.2f} s after {start_s:.1f} s, where"
        f" {n_samples / SAMPLE_RATE:g} s are needed. Fetch the whole file again."
    )
    return TrackRejected(Reason.TRUNCATED, message)


def _require_numbers(fragment: Float32Array, start_s: float, path: Path) -> None:
    if not np.isfinite(fragment).all():
        message = (
            f"{path} holds samples that are no numbers after {start_s:.1f} s. Encode it again."
        )
        raise TrackRejected(Reason.NAN, message)

"""Decode fragments of a song: by libsndfile where it seeks exactly, elsewhere by libavcodec."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from operator import itemgetter
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import AudioFacts, Reason
from genre_core.signal.fragments import (
    CutPlan,
    FragmentConfig,
    draw_starts,
    redraw_starts,
    spread_starts,
    track_rng,
)
from storage.audio.excerpt import excerpt_segments
from storage.audio.resample import (
    SAMPLE_RATE,
    DecodedSegment,
    Segment,
    needed_segment,
    resample_segment,
)
from storage.audio.seek import can_seek, seek_segments
from storage.audio.stream import stream_segments

# The first number is ours: raise it when the samples that come out of this module change.
DECODER_VERSION = "3-sndfile{}-avcodec{}-soxr{}".format(
    soundfile.__libsndfile_version__,
    ".".join(map(str, av.library_versions["libavcodec"])),
    soxr.__version__,
)
# A length is known to within a packet; so little missing at the end of a song is silence.
_MAX_MISSING_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Fragments, float32 (n_fragments, n_samples), at 44.1 kHz, mono.

    A row with a fault is meaningless. ``full_scale_share`` counts the samples of all channels.
    """

    fragments: Float32Array
    faults: Mapping[int, TrackRejected]
    full_scale_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The good fragments of a song, float32 (len(starts_s), n_samples), by ascending starts."""

    starts_s: tuple[float, ...]
    fragments: Float32Array
    full_scale_share: float


def cut_fragments(
    path: Path, track_id: str, facts: AudioFacts, plan: CutPlan, n_threads: int = 1
) -> Cut:
    """Cut the fragments of a plan: drawn (`cut_song`), or windows spread over the song.

    Windows that cannot be decoded are left out; it is an error if all are bad, or more than
    ``config.most_redrawn``.
    """
    config = plan.config
    if plan.hop_s is None:
        return cut_song(path, track_id, facts, config, n_threads)
    starts_s = spread_starts(facts.duration_s, config.longest_s, plan.hop_s, config).tolist()
    decoded = decode_fragments(path, facts, starts_s, config.longest_s, n_threads)
    faults = list(decoded.faults.values())
    if len(faults) > config.most_redrawn or len(faults) == len(starts_s):
        raise _too_many_faults(path, faults, len(starts_s))
    return _gather([(starts_s, decoded)])


def cut_song(
    path: Path, track_id: str, facts: AudioFacts, config: FragmentConfig, n_threads: int = 1
) -> Cut:
    """Draw the fragments of a song and decode them; those that cannot be decoded are redrawn.

    The generator is seeded by ``track_id``: a song always gets the same fragments. It is rejected
    if more than ``config.most_redrawn`` fragments are bad, or no other place is left.
    """
    rng = track_rng(track_id)
    wanted_s = draw_starts(facts.duration_s, config, rng).tolist()
    tried_s: list[float] = []
    draws: list[tuple[list[float], Decoded]] = []
    faults: list[TrackRejected] = []
    while wanted_s:
        decoded = decode_fragments(path, facts, wanted_s, config.longest_s, n_threads)
        draws.append((wanted_s, decoded))
        faults += decoded.faults.values()
        tried_s += wanted_s
        n_bad = len(decoded.faults)
        if len(faults) <= config.most_redrawn:
            wanted_s = redraw_starts(facts.duration_s, config, rng, tried_s, n_bad).tolist()
        if len(faults) > config.most_redrawn or len(wanted_s) < n_bad:
            raise _too_many_faults(path, faults, len(tried_s))
    return _gather(draws)


def read_fragments(
    path: Path, facts: AudioFacts, starts_s: Sequence[float], fragment_s: float
) -> Float32Array:
    """Decode fragments as `decode_fragments` does; the first fault is raised."""
    decoded = decode_fragments(path, facts, starts_s, fragment_s)
    for fault in decoded.faults.values():
        raise fault
    return decoded.fragments


def decode_fragments(
    path: Path,
    facts: AudioFacts,
    starts_s: Sequence[float],
    fragment_s: float,
    n_threads: int = 1,
) -> Decoded:
    """Decode fragments of a song to 44.1 kHz, mono, the mean of its channels.

    The samples are those that decoding and resampling the full song would give. Fragments may
    come in any order and overlap; one that cannot be decoded or lies beyond the end has a fault.
    A sample that is not finite rejects the song. With 2 ``n_threads``, two decode an mp3.
    """
    n_samples = round(fragment_s * SAMPLE_RATE)
    starts = [round(start_s * SAMPLE_RATE) for start_s in starts_s]
    if n_samples < 1 or min(starts, default=0) < 0:
        raise ValueError(f"no fragments of {fragment_s} s at {list(starts_s)} s")
    segments = [needed_segment(start, n_samples, facts.sample_rate) for start in starts]
    fragments = np.zeros((len(starts), n_samples), dtype=np.float32)
    decoded = _decode_segments(path, facts, segments, fragments, n_threads)
    faults: dict[int, TrackRejected] = {}
    for row, found in enumerate(decoded):
        signal = resample_segment(found.signal, segments[row], starts[row], facts.sample_rate)
        cut = signal[:n_samples]
        if fault := found.fault or _find_shortfall(cut, n_samples, starts_s[row], path):
            faults[row] = fault
            continue
        if np.isnan(cut.min(initial=1)):
            where = f"{path} holds samples that are no numbers after {starts_s[row]:.1f} s"
            raise TrackRejected(Reason.NAN, f"{where}. Encode it again.")
        fragments[row, : len(cut)] = cut
    shares = [found.full_scale_share for found in decoded if not found.fault]
    share = sum(shares) / len(shares) if shares else 0.0
    return Decoded(fragments=fragments, faults=faults, full_scale_share=share)


def _decode_segments(
    path: Path,
    facts: AudioFacts,
    segments: Sequence[Segment],
    fragments: Float32Array,
    n_threads: int,
) -> list[DecodedSegment]:
    """Decode segments by the fastest way that is exact; into the fragments where they are these."""
    if facts.codec == "mp3":
        signals = fragments if facts.sample_rate == SAMPLE_RATE else repeat(None)
        decoded = excerpt_segments(path, facts, segments, signals, n_threads)
        if decoded is not None:
            return decoded
        fragments.fill(0)
    read = seek_segments if can_seek(path, facts) else stream_segments
    return read(path, facts, segments)


def _find_shortfall(
    fragment: Float32Array, n_samples: int, start_s: float, path: Path
) -> TrackRejected | None:
    if n_samples - len(fragment) <= _MAX_MISSING_S * SAMPLE_RATE:
        return None
    message = (
        f"{path} ends {len(fragment) / SAMPLE_RATE:.2f} s after {start_s:.1f} s, where"
        f" {n_samples / SAMPLE_RATE:g} s are needed. Fetch the complete file again."
    )
    return TrackRejected(Reason.TRUNCATED, message)


def _gather(draws: Sequence[tuple[list[float], Decoded]]) -> Cut:
    good = [
        (start_s, decoded, row)
        for starts_s, decoded in draws
        for row, start_s in enumerate(starts_s)
        if row not in decoded.faults
    ]
    good.sort(key=itemgetter(0))
    first = draws[0][1].fragments
    is_first = len(draws) == 1 and [row for _, _, row in good] == list(range(len(first)))
    return Cut(
        starts_s=tuple(start_s for start_s, _, _ in good),
        fragments=first if is_first else np.stack([found.fragments[row] for _, found, row in good]),
        full_scale_share=float(np.mean([decoded.full_scale_share for _, decoded, _ in good])),
    )


def _too_many_faults(path: Path, faults: Sequence[TrackRejected], n_tried: int) -> TrackRejected:
    """Error that locates the damage by its first faults."""
    reasons = {fault.reason for fault in faults}
    reason = Reason.TRUNCATED if reasons == {Reason.TRUNCATED} else Reason.UNDECODABLE
    first = " ".join(dict.fromkeys(str(fault) for fault in faults[:3]))
    return TrackRejected(
        reason, f"{len(faults)} of {n_tried} fragments of {path} cannot be decoded. {first}"
    )

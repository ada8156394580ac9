"""Read stretches of a song with libsndfile, which seeks quickly and to the exact sample.

Checked with libsndfile 1.2.2 against libavcodec 62: both skip the delay and padding that the
encoder of an mp3 declares, so a sample has the same place in both. Vorbis is not read here: half
of the seeks end wrong, by 448 or 896 samples where the pages count differently from the blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import AudioFacts, Reason
from storage.audio.probe import holds_frames_alone
from storage.audio.resample import Span, count_full_scale, mix_down


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What reading a span of a song gave.

    Attributes
    ----------
    signal : float32 [shape=(n,)]
        Mono, shorter where the song ends; of no use if there is a fault.
    full_scale_share : float
        Share of its samples, all channels counted, that stand at full scale.
    fault : TrackRejected or None
        Why it cannot be decoded.
    """

    signal: Float32Array
    full_scale_share: float = 0.0
    fault: TrackRejected | None = None


_CODECS = ("mp3", "flac", "pcm_")
# After a seek the bit reservoir of an mp3 is empty. A frame may lean on 511 bytes of sound before
# it, in MPEG-2 on 255 (ISO/IEC 11172-3 section 2.4.1.7); the smallest frames hold 58 bytes of it,
# in MPEG-2 three. With one frame more for the overlap, that is 0.24 s and 2.1 s.
_RUN_UP_S, _MPEG2_RUN_UP_S = 0.25, 2.2
_LOWEST_MPEG1_RATE = 32_000
# A variable-rate mp3 without Xing header is cut to about 58 % of its length by libsndfile.
_LENGTH_TOLERANCE_S = 0.1


def can_seek(path: Path, facts: AudioFacts) -> bool:
    """Say whether libsndfile reads a song and agrees with its packets on its length.

    An mp3 with something other than frames in it is not read here: libsndfile gives up behind
    1 KiB of it, or goes on behind it as if nothing were missing.
    """
    if not facts.codec.startswith(_CODECS):
        return False
    try:
        found = soundfile.info(str(path))
    except soundfile.LibsndfileError:
        return False
    agrees = abs(found.frames / found.samplerate - facts.duration_s) < _LENGTH_TOLERANCE_S
    if not agrees or found.samplerate != facts.sample_rate:
        return False
    return facts.codec != "mp3" or holds_frames_alone(path)


def seek_spans(path: Path, facts: AudioFacts, spans: Sequence[Span]) -> list[Stretch]:
    """Read the spans of a song, mixed down to mono by the mean.

    Returns
    -------
    list of Stretch
        One a span.

    Raises
    ------
    TrackRejected
        If libsndfile cannot open the song.
    """
    stretches: list[Stretch] = []
    while len(stretches) < len(spans):
        stretches += _read_to_fault(path, facts, spans[len(stretches) :])
    return stretches


def _read_to_fault(path: Path, facts: AudioFacts, spans: Sequence[Span]) -> list[Stretch]:
    """Read spans until one fails; libsndfile wants the song opened anew after that."""
    stretches: list[Stretch] = []
    try:
        with soundfile.SoundFile(str(path)) as song:
            for span in spans:
                stretches.append(_read_span(song, span, _run_up(facts), path))
                if stretches[-1].fault:
                    break
    except soundfile.LibsndfileError as error:
        message = f"{path} ({facts.codec}) cannot be decoded: {error}. Fetch or encode it again."
        raise TrackRejected(Reason.UNDECODABLE, message) from error
    return stretches


def _run_up(facts: AudioFacts) -> int:
    """Give the samples to be decoded before a span, so that all of the span is right."""
    if facts.codec != "mp3":
        return 0
    is_mpeg1 = facts.sample_rate >= _LOWEST_MPEG1_RATE
    return round((_RUN_UP_S if is_mpeg1 else _MPEG2_RUN_UP_S) * facts.sample_rate)


def _read_span(song: soundfile.SoundFile, span: Span, run_up: int, path: Path) -> Stretch:
    start = max(0, min(span.start, song.frames) - run_up)
    try:
        song.seek(start)
        read = song.read(max(0, span.stop - start), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        at_s = span.start / song.samplerate
        message = f"{path} cannot be decoded at {at_s:.1f} s: {error}. Fetch it again."
        fault = TrackRejected(Reason.UNDECODABLE, message)
        return Stretch(signal=np.zeros(0, dtype=np.float32), fault=fault)
    samples = read[span.start - start :].T
    return Stretch(
        signal=mix_down(samples),
        full_scale_share=count_full_scale(samples) / max(1, samples.size),
    )

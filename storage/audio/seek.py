"""Read stretches of a song with libsndfile, which seeks quickly and to the exact sample.

Checked with libsndfile 1.2.2 against libavcodec 62: both skip the delay and padding that the
encoder of an mp3 declares, so a sample has the same place in both. Vorbis is not read here: half
of the seeks end wrong, by 448 or 896 samples where the pages count differently from the blocks.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from genre_core.errors import TrackRejected
from genre_core.records import AudioFacts, Reason
from storage.audio.frames import holds_frames_alone
from storage.audio.mixing import count_full_scale, mix_down
from storage.audio.resample import Span
from storage.audio.stretch import Stretch

_CODECS = ("mp3", "flac", "pcm_")
# After a seek the bit reservoir of an mp3 is empty: up to 1500 samples would be wrong.
_RUN_UP_S = 0.5
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
    if facts.codec != "mp3":
        return True
    return holds_frames_alone(path) if facts.are_mp3_frames is None else facts.are_mp3_frames


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
                stretches.append(_read_span(song, span, path))
                if stretches[-1].fault:
                    break
    except soundfile.LibsndfileError as error:
        message = f"{path} ({facts.codec}) cannot be decoded: {error}. Fetch or encode it again."
        raise TrackRejected(Reason.UNDECODABLE, message) from error
    return stretches


def _read_span(song: soundfile.SoundFile, span: Span, path: Path) -> Stretch:
    start = max(0, min(span.start, song.frames) - round(_RUN_UP_S * song.samplerate))
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

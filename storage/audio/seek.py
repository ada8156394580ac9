"""Read stretches of a song with libsndfile, which seeks quickly and to the exact sample.

Checked with libsndfile 1.2.2 against libavcodec 62: both skip the delay and padding that the
encoder of an mp3 declares, so a sample has the same place in both. Vorbis is not read here: half
of the seeks end wrong, by 448 or 896 samples where the pages count differently from the blocks.
"""

from collections.abc import Sequence
from pathlib import Path

import soundfile

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import AudioFacts, Reason
from storage.audio.mixing import mix_down
from storage.audio.resample import Span

_CODECS = ("mp3", "flac", "pcm_")
# After a seek the bit reservoir of an mp3 is empty: up to 1500 samples would be wrong.
_RUN_UP_S = 0.5
# A variable-rate mp3 without Xing header is cut to about 58 % of its length by libsndfile.
_LENGTH_TOLERANCE_S = 0.1


def can_seek(path: Path, facts: AudioFacts) -> bool:
    """Say whether libsndfile reads a song and agrees with its packets on its length."""
    if not facts.codec.startswith(_CODECS):
        return False
    try:
        found = soundfile.info(str(path))
    except soundfile.LibsndfileError:
        return False
    agrees = abs(found.frames / found.samplerate - facts.duration_s) < _LENGTH_TOLERANCE_S
    return agrees and found.samplerate == facts.sample_rate


def seek_spans(path: Path, facts: AudioFacts, spans: Sequence[Span]) -> list[Float32Array]:
    """Read the spans of a song, mixed down to mono by the mean.

    Returns
    -------
    list of float32 [shape=(n,)]
        One a span, shorter where the song ends.

    Raises
    ------
    TrackRejected
        If libsndfile cannot decode one of them.
    """
    try:
        with soundfile.SoundFile(str(path)) as song:
            return [_read_span(song, span) for span in spans]
    except soundfile.LibsndfileError as error:
        message = f"{path} ({facts.codec}) cannot be decoded: {error}. Fetch or encode it again."
        raise TrackRejected(Reason.UNDECODABLE, message) from error


def _read_span(song: soundfile.SoundFile, span: Span) -> Float32Array:
    start = max(0, min(span.start, song.frames) - round(_RUN_UP_S * song.samplerate))
    song.seek(start)
    samples = song.read(max(0, span.stop - start), dtype="float32", always_2d=True)
    return mix_down(samples[span.start - start :].T)

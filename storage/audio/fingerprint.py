"""The acoustic fingerprint of a song, made of its first minute or two."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import soundfile
import soxr

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import AudioFacts, Reason
from genre_core.signal import fingerprints
from genre_core.signal.chromaprint import fingerprint_signal
from genre_core.signal.fingerprints import Items
from storage.audio.resample import Segment
from storage.audio.seek import can_seek
from storage.audio.stream import stream_segments

FIRST_S, FULL_S = 60, 120
_BLOCK_SAMPLES = 1 << 15  # stays in the cache


def fingerprint_song(path: Path, facts: AudioFacts, fingerprinted_s: int = FULL_S) -> Items:
    """Fingerprint of the first seconds of a song: uint32 [shape=(n_items,)].

    One item each 0.1238 s (`fingerprints.ITEM_S`), 463 for a minute and 948 for two; none for a
    song of less than some 2.6 s. Channels are mixed down by their mean; what cannot be decoded is
    silence. A song of which nothing can be decoded is rejected.
    """
    n_samples = round(fingerprinted_s * facts.sample_rate)
    if can_seek(path, facts):
        with suppress(soundfile.LibsndfileError):  # damage, which libavcodec passes over
            return _fingerprint(_read_blocks(path, n_samples), facts)
    return _fingerprint(_stream_beginning(path, facts, n_samples), facts)


def _fingerprint(blocks: Iterator[Float32Array], facts: AudioFacts) -> Items:
    resampler = soxr.ResampleStream(facts.sample_rate, fingerprints.SAMPLE_RATE, 1, dtype="float32")
    chunks = [resampler.resample_chunk(block) for block in blocks]
    chunks.append(resampler.resample_chunk(np.empty(0, np.float32), last=True))
    return fingerprint_signal(np.concatenate(chunks))


def _read_blocks(path: Path, n_samples: int) -> Iterator[Float32Array]:
    """Yield the beginning of a song block by block, mono."""
    with soundfile.SoundFile(os.fsencode(path)) as song:
        buffer = np.empty((_BLOCK_SAMPLES, song.channels), np.float32)
        for block in song.blocks(frames=n_samples, out=buffer):
            mono = block[:, 0].copy()
            for channel in block.T[1:]:  # NumPy's mean over an axis of two takes 20 times as long
                mono += channel
            mono /= song.channels
            yield mono


def _stream_beginning(path: Path, facts: AudioFacts, n_samples: int) -> Iterator[Float32Array]:
    (decoded,) = stream_segments(path, facts, [Segment(start=0, stop=n_samples)])
    if not decoded.signal.size:
        message = f"{path} cannot be decoded. Fetch or encode it again."
        raise decoded.fault or TrackRejected(Reason.UNDECODABLE, message)
    yield decoded.signal

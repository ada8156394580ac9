"""Previews: short excerpts to listen to, and the peaks of a waveform; kept in a bounded cache.

An excerpt is what a model receives: one channel, decoded exactly. It is faded in and out and
brought to an equal loudness, so that songs can be compared one after the other.
"""

import json
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from genre_core.errors import GenreflowError, TrackRejected
from genre_core.examples import Float32Array
from genre_core.records import AudioFacts
from storage.audio.decode import read_fragments
from storage.audio.probe import open_audio
from storage.audio.resample import SAMPLE_RATE, mix_down
from storage.audio.stream import channels_of
from storage.audio.wav import round_samples
from storage.files import trim_files, write_bytes, write_whole

if TYPE_CHECKING:
    from pydub import AudioSegment

VERSION = 1
"""Raise it when previews or peaks change."""
LONGEST_S = 600.0
EXCERPT_S = 15.0
"""Of a song, if no other length is asked for; from its middle."""
FADE_S = 0.03
LOUDNESS_DBFS, PEAK_DBFS = -18.0, -1.0
"""Root mean square of an excerpt, and what its highest sample may reach, relative to full scale."""
BIT_RATE = 96_000
"""Bits a second."""
N_PEAKS = 1000
MAX_BYTES = 300 * 10**6
"""Of the cache."""
_OURS = re.compile(r"\w+\.v\d+\.(peaks\.json|\d+-\d+\.mp3)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedSong:
    """A song to listen to: its name in the cache, its file, and what decoding needs to know."""

    name: str
    path: Path
    facts: AudioFacts


def cut_preview(
    cache: Path, song: PlayedSong, start_s: float | None = None, length_s: float = EXCERPT_S
) -> Path:
    """Return an mp3 of part of a song, made if it is not in the cache.

    What lies outside the song is left out; without a start, the part is from its middle.
    Raises `TrackRejected` if the part cannot be decoded.
    """
    start_s, length_s = _clip(song.facts.duration_s, start_s, length_s)
    path = _path(cache, song, f"{round(1000 * start_s)}-{round(1000 * length_s)}.mp3")
    if not _is_there(path):
        with write_whole(path, is_forced=False) as part:
            write_excerpt(part, read_fragments(song.path, song.facts, [start_s], length_s)[0])
        _trim(cache)
    return path


def write_excerpt(path: Path, samples: Float32Array) -> None:
    """Write samples, (n_samples,) at 44.1 kHz, as mp3 of equal loudness, faded in and out.

    Raises `GenreflowError` if FFmpeg cannot encode them.
    """
    fade_ms = round(1000 * FADE_S)
    excerpt = _level(_segment(samples)).fade_in(fade_ms).fade_out(fade_ms)
    levels = np.frombuffer(excerpt.raw_data, "<i2")[np.newaxis]
    frame = av.AudioFrame.from_ndarray(levels, format="s16p", layout="mono")
    frame.sample_rate = SAMPLE_RATE
    try:
        with path.open("wb") as target, av.open(target, "w", format="mp3") as file:
            stream = file.add_stream("libmp3lame", SAMPLE_RATE, layout="mono", bit_rate=BIT_RATE)
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    except av.FFmpegError as error:
        raise GenreflowError(f"An excerpt cannot be encoded as mp3: {error}.") from error


def read_peaks(cache: Path, song: PlayedSong) -> list[float]:
    """Return the highest absolute sample of each of at most `N_PEAKS` parts of a song, 0 to 1.

    What cannot be decoded is silent.
    """
    path = _path(cache, song, "peaks.json")
    if _is_there(path):
        return json.loads(path.read_text("utf-8"))
    peaks = _measure_peaks(song)
    with suppress(OSError):  # a home that is read-only, or full
        write_bytes(path, json.dumps(peaks).encode())
        _trim(cache)
    return peaks


def remove_previews(cache: Path, name: str) -> None:
    """Remove what the cache has of a song."""
    for path in (cache / name[:2]).glob(f"{name}.*"):
        path.unlink(missing_ok=True)


def _clip(duration_s: float, start_s: float | None, length_s: float) -> tuple[float, float]:
    """Return start and length of a part within a song."""
    length_s = min(max(length_s, 0.1), LONGEST_S, duration_s)
    start_s = (duration_s - length_s) / 2 if start_s is None else start_s
    return min(max(start_s, 0.0), duration_s - length_s), length_s


def _segment(samples: Float32Array) -> "AudioSegment":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydub imports audioop, and looks for an ffmpeg on PATH
        from pydub import AudioSegment
    levels = (round_samples(samples[np.newaxis])[0] * 2**15).astype("<i2")
    return AudioSegment(levels.tobytes(), sample_width=2, frame_rate=SAMPLE_RATE, channels=1)


def _level(excerpt: "AudioSegment") -> "AudioSegment":
    """Bring an excerpt to the loudness of all, as far as its highest sample allows; not silence."""
    if not excerpt.max:
        return excerpt
    gain_db = min(LOUDNESS_DBFS - excerpt.dBFS, PEAK_DBFS - excerpt.max_dBFS)
    return excerpt.apply_gain(gain_db)


def _measure_peaks(song: PlayedSong) -> list[float]:
    n_samples = max(1, round(song.facts.duration_s * song.facts.sample_rate))
    peaks = np.zeros(min(N_PEAKS, n_samples), np.float32)
    begin = 0
    for block in _decode(song.path):
        places = (np.arange(begin, begin + len(block)) * len(peaks)) // n_samples
        np.maximum.at(peaks, np.minimum(places, len(peaks) - 1), np.abs(block))
        begin += len(block)
    return [round(float(peak), 3) for peak in np.minimum(peaks, 1.0)]


def _decode(path: Path) -> Iterator[Float32Array]:
    """Yield a song frame by frame, mono, up to the first damage."""
    try:
        with open_audio(path) as (container, stream):
            for frame in container.decode(stream):
                yield mix_down(channels_of(frame))
    except (av.FFmpegError, TrackRejected):
        return


def _path(cache: Path, song: PlayedSong, ending: str) -> Path:
    return cache / song.name[:2] / f"{song.name}.v{VERSION}.{ending}"


def _is_there(path: Path) -> bool:
    """Whether a file is in the cache; it counts as used now."""
    if not path.exists():
        return False
    with suppress(OSError):  # a home that is read-only
        path.touch()
    return True


def _trim(cache: Path) -> None:
    """Remove the files used longest ago, as far as the cache is too large."""
    trim_files([path for path in cache.glob("??/*") if _OURS.fullmatch(path.name)], MAX_BYTES)

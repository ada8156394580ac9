"""Songs for benchmarks: pieces of real mp3 songs put together anew, so that no two are alike.

Frames are copied, not encoded again: a song of five minutes is made in a tenth of a second and is
decoded at the cost of a real one. A piece begins with a frame that leans on none before it. Where
two songs share a long piece in their first minute, their fingerprints share keys; an item lasts
longer than a short piece.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE, CHANNELS = 44_100, 2
FRAME_SAMPLES = 1152
SHORTEST_S, LONGEST_S = 180.0, 360.0
LONG_PIECES_S, SHORT_PIECES_S = (12.0, 30.0), (1.0, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frames:
    """The frames of a real song, and where pieces may begin."""

    song: Path
    frames: tuple[bytes, ...]
    free: np.ndarray


def make_songs(
    music: Path,
    folder: Path,
    n_songs: int,
    seed: int = 0,
    pieces_s: tuple[float, float] = LONG_PIECES_S,
) -> list[Path]:
    """Make songs of three to six minutes below a folder a genre; those that are there are kept."""
    rng = np.random.default_rng(seed)
    songs = [folder / f"genre{nth % 4}" / f"song{nth:05}.mp3" for nth in range(n_songs)]
    missing = [song for song in songs if not song.exists()]
    sources = read_sources(music) if missing else []
    for song in missing:
        make_song(song, sources, rng.uniform(SHORTEST_S, LONGEST_S), rng, pieces_s)
    return songs


def make_song(
    song: Path,
    sources: list[Frames],
    duration_s: float,
    rng: np.random.Generator,
    pieces_s: tuple[float, float] = LONG_PIECES_S,
) -> None:
    """Put pieces of real songs together until the song is long enough."""
    song.parent.mkdir(parents=True, exist_ok=True)
    n_frames = round(duration_s * RATE / FRAME_SAMPLES)
    frames: list[bytes] = []
    while len(frames) < n_frames:
        source = sources[rng.integers(len(sources))]
        start = int(rng.choice(source.free))
        length_s = rng.uniform(*pieces_s)
        frames += source.frames[start : start + round(length_s * RATE / FRAME_SAMPLES)]
    _write(song, sources[0].song, frames[:n_frames])


def read_sources(music: Path) -> list[Frames]:
    """Read the frames of the mp3 songs of a folder that have 44.1 kHz and two channels.

    Raises
    ------
    SystemExit
        If there is none.
    """
    sources = list(_read_sources(music))
    if not sources:
        raise SystemExit(f"{music} holds no mp3 song of 44.1 kHz and two channels; name another.")
    return sources


def _read_sources(music: Path) -> Iterator[Frames]:
    for song in sorted(music.rglob("*.mp3")):
        with av.open(str(song)) as container:
            stream = container.streams.audio[0]
            context = stream.codec_context
            if (context.sample_rate, context.channels) != (RATE, CHANNELS):
                continue
            frames = tuple(bytes(packet) for packet in container.demux(stream) if packet.size)
        free = np.flatnonzero([_leans_on_none(frame) for frame in frames])
        free = free[free < len(frames) - LONG_PIECES_S[1] * RATE / FRAME_SAMPLES]
        if free.size:
            yield Frames(song=song, frames=frames, free=free)


def _leans_on_none(frame: bytes) -> bool:
    """Say whether ``main_data_begin``, nine bits behind header and checksum, is zero."""
    behind = 4 if frame[1] & 1 else 6
    return not (frame[behind] or frame[behind + 1] & 0x80)


def _write(song: Path, template: Path, frames: list[bytes]) -> None:
    """Write frames as an mp3 whose header tells their number; it appears whole."""
    part = song.with_suffix(".part")
    with av.open(str(template)) as real, av.open(str(part), "w", format="mp3") as made:
        stream = made.add_stream_from_template(real.streams.audio[0])
        for nth, frame in enumerate(frames):
            packet = av.Packet(frame)
            packet.stream, packet.time_base = stream, Fraction(1, RATE)
            packet.pts = packet.dts = nth * FRAME_SAMPLES
            packet.duration = FRAME_SAMPLES
            made.mux(packet)
    part.replace(song)

"""Charts of the page of a song, as numbers for SVG: the timeline, and what decides."""

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from genre_core.evaluation.bootstrap import Float64Array
from genre_core.examples import Float32Array
from genre_core.representations.features import FeatureConfig
from genre_core.representations.registry import find_representation
from tasks.predict import FragmentPrediction, SongPrediction
from tasks.studies.why import BandsWhy

MOST_LANES = 8
LEAST_WIDTH = 1.2
"""Of a block, in per cent of the song."""
WIDEST_TARGET = 12.0
"""What can be clicked around a fragment, in per cent of the song."""
MOST_BARS = 12
LEAST_LOSS, LEAST_FULL = 0.01, 0.05
"""Of probability: for a range of sounds to decide, and that the longest bar stands for."""
DECIDING_SHARE = 0.5
"""The outline encloses places that cost this share of the largest loss, or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fragment on the timeline; ``x``, ``width`` and the target are in per cent of the song."""

    start_s: float
    length_s: float
    x: float
    width: float
    target_x: float
    target_width: float
    probabilities: dict[str, float]

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """The genres that are probable, the most probable first."""
        likely = sorted(self.probabilities.items(), key=lambda pair: -pair[1])
        return [pair for pair in likely if pair[1] >= 0.05] or likely[:1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Lanes from top to bottom, and the fragments in the order of the song."""

    lanes: tuple[str, ...]
    blocks: tuple[Block, ...]
    duration_s: float
    n_hidden: int


def draw_timeline(prediction: SongPrediction, length_s: float, duration_s: float) -> Timeline:
    """Place the fragments of a song; the genres that none is likely to be of have no lane."""
    fragments = sorted(prediction.fragments, key=lambda one: one.start_s)
    genres = sorted(prediction.probabilities, key=lambda name: -prediction.probabilities[name])
    lanes = tuple(genres[:MOST_LANES])
    middles = [100 * (one.start_s + length_s / 2) / duration_s for one in fragments]
    borders = [0.0, *((a + b) / 2 for a, b in pairwise(middles)), 100.0]
    width = max(100 * length_s / duration_s, LEAST_WIDTH)
    blocks = [
        _place(one, length_s, width, middle, between)
        for one, middle, between in zip(fragments, middles, pairwise(borders), strict=True)
    ]
    n_hidden = len(genres) - len(lanes)
    return Timeline(lanes=lanes, blocks=tuple(blocks), duration_s=duration_s, n_hidden=n_hidden)


def _place(
    fragment: FragmentPrediction,
    length_s: float,
    width: float,
    middle: float,
    between: tuple[float, float],
) -> Block:
    """Return the block of a fragment, whose target lies between those beside it."""
    left = max(between[0], middle - WIDEST_TARGET / 2)
    right = min(between[1], middle + WIDEST_TARGET / 2)
    return Block(
        start_s=fragment.start_s,
        length_s=length_s,
        x=min(max(middle - width / 2, 0), 100 - width),
        width=width,
        target_x=left,
        target_width=right - left,
        probabilities=fragment.probabilities,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BandBar:
    """A range of frequencies, and the probability that the genre loses without a band of it."""

    name: str
    loss: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrogram:
    """A fragment as picture, its deciding region as path over (n_frames, n_bands), and bars."""

    image: str
    outline: str
    n_bands: int
    n_frames: int
    start_s: float
    length_s: float
    low: str
    top: str
    bars: tuple[BandBar, ...]
    n_fragments: int

    @property
    def decides(self) -> bool:
        """Whether a range changes enough to speak of it."""
        return self.strongest.loss >= LEAST_LOSS

    @property
    def strongest(self) -> BandBar:
        """The range that decides most."""
        return max(self.bars, key=lambda bar: bar.loss)


def draw_bands(why: BandsWhy, features: FeatureConfig) -> Spectrogram:
    """Draw the most confident fragment of a song with what decides; high bands are on top."""
    n_bands, n_frames = why.matrix.shape
    edges = find_representation(features.representation).edges_hz
    names = [_name_edge(nth, edges) for nth in range(n_bands + 1)]
    deciding = why.losses >= DECIDING_SHARE * max(float(why.losses.max()), 1e-9)
    return Spectrogram(
        image=png_address(_levels(why.matrix)[::-1]),
        outline=outline(deciding[::-1]),
        n_bands=n_bands,
        n_frames=n_frames,
        start_s=why.start_s,
        length_s=features.fragment_s,
        low=names[0],
        top=names[-1],
        bars=_bars(why.band_losses, names),
        n_fragments=why.n_fragments,
    )


def _bars(losses: Float64Array, names: Sequence[str]) -> tuple[BandBar, ...]:
    """Return a bar a band, or a few bands, the highest first."""
    parts = np.array_split(np.arange(len(losses)), min(MOST_BARS, len(losses)))
    means = [float(losses[part].mean()) for part in parts]
    most = max(LEAST_FULL, *(abs(mean) for mean in means))
    bars = [
        BandBar(
            name=f"{names[part[0]]} to {names[part[-1] + 1]}", loss=mean, share=abs(mean) / most
        )
        for part, mean in zip(parts, means, strict=True)
    ]
    return tuple(reversed(bars))


def _name_edge(nth: int, edges_hz: Sequence[float] | None) -> str:
    if not edges_hz or nth >= len(edges_hz):
        return f"band {nth + 1}"
    hertz = edges_hz[nth]
    return f"{hertz / 1000:.3g} kHz" if hertz >= 1000 else f"{hertz:.3g} Hz"


def _levels(matrix: Float32Array) -> npt.NDArray[np.uint8]:
    """Return grey values from light, the quietest, to dark, the loudest."""
    low, high = float(matrix.min()), float(matrix.max())
    scaled = (matrix - low) / max(high - low, 1e-9)
    return (245 - 215 * scaled).astype(np.uint8)


def png_address(levels: npt.NDArray[np.uint8]) -> str:
    """Return grey values, (height, width), the top row first, as PNG in a ``data:`` address."""
    height, width = levels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), levels], axis=1)  # each without filter
    parts = (
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)),
        _chunk(b"IEND", b""),
    )
    content = b"\x89PNG\r\n\x1a\n" + b"".join(parts)
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


def outline(mask: npt.NDArray[np.bool_]) -> str:
    """Return the border of the places of a mask, (height, width), as path of an SVG."""
    padded = np.pad(mask, 1)
    across = padded[1:, 1:-1] != padded[:-1, 1:-1]  # borders above row y
    down = padded[1:-1, 1:] != padded[1:-1, :-1]  # borders left of column x
    lines = [f"M{x} {y}h1" for y, x in np.argwhere(across)]
    return "".join(lines + [f"M{x} {y}v1" for y, x in np.argwhere(down)])

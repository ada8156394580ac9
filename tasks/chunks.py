"""Chunks: a task is some songs, never one; the orchestrator costs a tenth of a second a task."""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

Song = TypeVar("Song")

MOST_SONGS = 64
CHUNKS_PER_WAVE = 8


def cut_chunks(songs: Sequence[Song], per_wave: int = CHUNKS_PER_WAVE) -> list[list[Song]]:
    """Cut songs into chunks of equal size: 64 songs at most, fewer where that keeps all busy."""
    size = min(MOST_SONGS, max(1, math.ceil(len(songs) / per_wave)))
    return [list(songs[first : first + size]) for first in range(0, len(songs), size)]


def waves(songs: Sequence[Song], per_wave: int = CHUNKS_PER_WAVE) -> Iterator[list[list[Song]]]:
    """Give the chunks some at a time, so that the WAV cache and what a crash loses stay small."""
    chunks = iter(cut_chunks(songs, per_wave))
    while wave := list(islice(chunks, per_wave)):
        yield wave

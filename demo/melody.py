"""Melodies: a theme of motifs that comes back varied, and solos."""

from typing import NamedTuple

import numpy as np

from demo.harmony import Span, nearest
from demo.patterns import parse_pattern
from demo.score import STEPS_PER_BEAT, Note

RHYTHMS = {
    "song": (
        "x---x-x-x-------",
        "x---x---x-x-x---",
        "x-----x-x---x---",
        "..x-x-x-x-----..",
        "x-------x---x---",
    ),
    "swing": (
        "x--xx--xx-------",
        "..x-x-xx--x-x-..",
        "x-xx-xx-x-x-x-x-",
        "....x-x-x-xxx---",
        "x-----x-x-x-x-x-",
    ),
    "classical": (
        "x---x---x-----x-",
        "x-x-x-x-x---x---",
        "x-----x-x-------",
        "x---xxxxx---x---",
        "x-------x-x-x-x-",
    ),
    "riff": (
        "x.x.x-..x.x-x-..",
        "x-x...x-x-......",
        "x..x..x.x..x..x.",
        "x---..x-x-x-....",
        "..x...x...x-x-..",
    ),
    "hook": (
        "x..x..x.........",
        "x-..x-..x.x.....",
        "....x..x..x-....",
        "x.......x..x..x.",
        "x..x....x..x....",
    ),
    "sparse": (
        "x---------------",
        "........x-------",
        "x-----------x---",
        "....x-----------",
        "x-------x-------",
    ),
}

_REST = "." * 16


class Tone(NamedTuple):
    """A tone of a theme: bar and step in it, length, and steps of the scale above the anchor."""

    bar: int
    step: int
    n_steps: int
    height: int


def invent_theme(
    rhythm: str, n_bars: int, leap: float, rng: np.random.Generator
) -> tuple[Tone, ...]:
    """Invent a theme: a motif, its answer, the motif varied, and a close."""
    motif, answer, close = rng.choice(RHYTHMS[rhythm], size=3, replace=False)
    bars = (
        [motif, answer, motif, close, _REST] if rhythm == "hook" else [motif, answer, motif, close]
    )
    tones: list[Tone] = []
    height = int(rng.integers(-1, 3))
    for bar in range(n_bars):
        for stroke in parse_pattern(str(bars[bar % len(bars)]), 16):
            tones.append(Tone(bar, stroke.step, stroke.n_steps, height))
            height = _step(height, leap, rng)
    return tuple(tones)


def play_theme(
    theme: tuple[Tone, ...],
    spans: tuple[Span, ...],
    scale: tuple[int, ...],
    centre: int,
    energy: float,
    rng: np.random.Generator,
    beats_per_bar: int,
) -> list[Note]:
    """Set a theme over chords: strong beats take tones of the chord, others of the scale."""
    notes: list[Note] = []
    theme_bars = max(tone.bar for tone in theme) + 1
    first = spans[0].start_beat
    n_bars = round((spans[-1].start_beat + spans[-1].beats - first) / beats_per_bar)
    for bar in range(n_bars):
        for tone in theme:
            if tone.bar != bar % theme_bars or tone.step >= beats_per_bar * STEPS_PER_BEAT:
                continue
            start = first + bar * beats_per_bar + tone.step / STEPS_PER_BEAT
            height = tone.height + (int(rng.integers(-1, 2)) if rng.random() < 0.12 else 0)
            classes = _chord_at(spans, start) if tone.step % 8 == 0 else scale
            pitch = nearest(centre + height * 1.75, classes)
            loudness = (0.6 + 0.25 * energy) * rng.uniform(0.9, 1.08)
            notes.append(Note(start, 0.92 * tone.n_steps / STEPS_PER_BEAT, pitch, loudness))
    return notes


def _step(height: int, leap: float, rng: np.random.Generator) -> int:
    """The next height: mostly a second away, drawn back towards the middle."""
    width = int(rng.integers(2, 5)) if rng.random() < leap else 1
    rises = rng.random() < 0.5 - 0.07 * height
    return int(np.clip(height + (width if rises else -width), -6, 7))


def _chord_at(spans: tuple[Span, ...], beat: float) -> tuple[int, ...]:
    """The tones of the chord that sounds at a beat."""
    sounding = [span for span in spans if span.start_beat <= beat + 1e-9]
    return sounding[-1].chord.tones

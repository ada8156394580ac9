"""Accompaniment: bass lines and chord figures, written as one bar of sixteenths.

In a bass line ``R`` is the root, ``o`` its octave, ``3`` and ``5`` third and fifth of the chord,
``a`` a step towards the next root. In a figure ``x`` is the chord, ``X`` an accent, a digit the
tone of the chord counted from below. ``-`` holds, ``.`` rests.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from demo.harmony import Chord, Span, nearest, voice
from demo.score import STEPS_PER_BEAT, Note

BASS_LINES = {
    "walking": "R---3---5---a---",
    "two feel": "R-------5-----a-",
    "bossa": "R-----5-5-----R-",
    "whole": "R---------------",
    "eighths": "R-R-R-R-R-R-R-a-",
    "rock": "R---R-R-..R-5-a-",
    "pumping": "R.R.R.R.R.R.R.o.",
    "offbeat": "..R-..R-..R-..o-",
    "octaves": "R.o.R.o.R.o.R.o.",
    "house": "R..R..o...R..5..",
    "deep": "R-----..R..5--..",
    "sub": "R-------..R-....",
    "boom": "R-----..o-R---..",
    "lazy": "R----..5-.R-..a-",
    "acid": "R.oR.R.5R.oR..R3",
    "rumble": ".RRR.RRR.RRR.RRR",
    "alternate": "R---....5---....",
    "waltz": "R---............",
    "baroque": "R-3-5-3-o-5-3-a-",
}

FIGURES = {
    "held": "x---------------",
    "halves": "x-------x-------",
    "charleston": "x-....x-........",
    "comp": "..x-....x-....x.",
    "quarters": "x--.x--.x--.x--.",
    "eighths": "x-x-x-x-x-x-x-x-",
    "strum": "X---x-x-.-x-x-x-",
    "power": "X-X-x-X-X-X-x-X-",
    "skank": "..x...x...x...x.",
    "stabs": "x..x..x...x..x..",
    "piano house": "X..x..X.x..X..x.",
    "chops": "..x.....x..x....",
    "keys": "x-----..x--.....",
    "alberti": "1-3-2-3-1-3-2-3-",
    "arpeggio": "1-2-3-4-3-2-3-2-",
    "broken": "1---2-3-4---3-2-",
    "sequence": "1.2.31.23.1.24.1",
    "trance": "1234123412341234",
    "waltz": "....x--.x--.x--.",
    "pulse": "1.1.1.1.1.1.1.1.",
}


class _Stroke(NamedTuple):
    step: int
    n_steps: int
    sign: str


def play_bass(
    line: str,
    spans: tuple[Span, ...],
    centre: int,
    energy: float,
    rng: np.random.Generator,
    beats_per_bar: int,
) -> list[Note]:
    """Play a bass line through the chords, now and then with another chord tone."""
    notes: list[Note] = []
    for bar_beat, stroke, span, following in _walk(BASS_LINES[line], spans, beats_per_bar):
        sign = stroke.sign
        if sign in "35o" and rng.random() < 0.15:
            sign = str(rng.choice(["3", "5", "o", "R"]))
        pitch = _bass_pitch(sign, span.chord, following.chord, centre)
        start = bar_beat + stroke.step / STEPS_PER_BEAT
        loudness = (0.62 + 0.25 * energy) * rng.uniform(0.92, 1.05)
        notes.append(Note(start, 0.95 * stroke.n_steps / STEPS_PER_BEAT, pitch, loudness))
    return notes


def play_figure(
    figure: str,
    spans: tuple[Span, ...],
    centre: int,
    energy: float,
    rng: np.random.Generator,
    beats_per_bar: int,
) -> list[Note]:
    """Play a chord figure with smooth voice leading."""
    notes: list[Note] = []
    voiced: tuple[int, ...] = ()
    sounding: Chord | None = None
    for bar_beat, stroke, span, _ in _walk(FIGURES[figure], spans, beats_per_bar):
        if span.chord is not sounding:
            voiced = voice(span.chord, centre, voiced)
            sounding = span.chord
        start = bar_beat + stroke.step / STEPS_PER_BEAT
        beats = 0.95 * stroke.n_steps / STEPS_PER_BEAT
        loudness = (0.5 + 0.25 * energy + 0.12 * (stroke.sign == "X")) * rng.uniform(0.9, 1.05)
        for pitch in _figure_pitches(stroke.sign, voiced):
            notes.append(Note(start, beats, pitch, loudness * rng.uniform(0.93, 1.03)))
    return notes


def parse_pattern(pattern: str, n_steps: int) -> tuple[_Stroke, ...]:
    """The strokes of a bar with their lengths in steps; a longer bar repeats the pattern."""
    signs = (pattern * 2)[:n_steps]
    strokes: list[_Stroke] = []
    for step, sign in enumerate(signs):
        if sign in ".-":
            continue
        held = len(signs[step + 1 :]) - len(signs[step + 1 :].lstrip("-"))
        strokes.append(_Stroke(step, 1 + held, sign))
    return tuple(strokes)


def _walk(
    pattern: str, spans: tuple[Span, ...], beats_per_bar: int
) -> Iterator[tuple[float, _Stroke, Span, Span]]:
    """Each stroke of each bar with the chord under it and the chord after that one."""
    strokes = parse_pattern(pattern, beats_per_bar * STEPS_PER_BEAT)
    first = spans[0].start_beat
    n_bars = round((spans[-1].start_beat + spans[-1].beats - first) / beats_per_bar)
    place = 0
    for bar in range(n_bars):
        bar_beat = first + bar * beats_per_bar
        for stroke in strokes:
            beat = bar_beat + stroke.step / STEPS_PER_BEAT
            while beat >= spans[place].start_beat + spans[place].beats:
                place += 1
            yield bar_beat, stroke, spans[place], spans[min(place + 1, len(spans) - 1)]


def _bass_pitch(sign: str, chord: Chord, following: Chord, centre: int) -> int:
    """The pitch that a sign of a bass line means."""
    root = nearest(centre, (chord.root,))
    if sign == "o":
        return root + 12
    if sign == "3":
        return nearest(root + 3.5, (chord.tones[1],))
    if sign == "5":
        return nearest(root + 7, (chord.tones[min(2, len(chord.tones) - 1)],))
    if sign == "a":
        target = nearest(centre, (following.root,))
        return target - 1 if root < target else target + 1
    return root


def _figure_pitches(sign: str, voiced: tuple[int, ...]) -> tuple[int, ...]:
    """The tones that a sign of a figure means; beyond the chord they go on an octave above."""
    if not sign.isdigit():
        return voiced
    octave, tone = divmod(int(sign) - 1, len(voiced))
    return (voiced[tone] + 12 * octave,)

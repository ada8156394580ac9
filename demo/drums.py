"""Drums: grooves in sixteenths, fills, and the General MIDI pieces that play them.

In a groove ``X`` is an accent, ``x`` a stroke, ``o`` a ghost stroke, ``?`` a stroke now and then.
"""

import numpy as np

from demo.score import STEPS_PER_BEAT, Note

PIECES = {
    "kick": 36,
    "snare": 38,
    "clap": 39,
    "rim": 37,
    "hat": 42,
    "open": 46,
    "pedal": 44,
    "ride": 51,
    "crash": 49,
    "shaker": 70,
    "tamb": 54,
    "low tom": 45,
    "high tom": 50,
    "conga": 63,
    "cowbell": 56,
}

GROOVES: dict[str, dict[str, str]] = {
    "none": {},
    "swing": {
        "ride": "x...X.x.x...X.x.",
        "pedal": "....x.......x...",
        "kick": "o.......?.....?.",
        "snare": "......?...?...?.",
    },
    "brushes": {
        "snare": "x.o.X.o.x.o.X.o.",
        "pedal": "....x.......x...",
        "kick": "o.......o.......",
    },
    "bossa": {
        "kick": "x..xx..xx..xx..x",
        "rim": "x..x..x...x..x..",
        "hat": "x.x.x.x.x.x.x.x.",
    },
    "jazz rock": {
        "ride": "x.x.X.x.x.x.X.x.",
        "kick": "x..?..x...x..?..",
        "snare": "..?.X..o.?..X..o",
    },
    "backbeat": {
        "kick": "X.....?.X.x...?.",
        "snare": "....X.......X..?",
        "hat": "X.x.X.x.X.x.X.x.",
    },
    "driving": {
        "kick": "X...x..xX...x...",
        "snare": "....X.......X...",
        "ride": "X.x.X.x.X.x.X.x.",
    },
    "half time": {
        "kick": "X.....x...x.....",
        "snare": "........X.......",
        "hat": "X...x...X...x...",
    },
    "shuffle": {
        "kick": "X.....x.X.....x.",
        "snare": "....X.......X...",
        "hat": "X.x.X.x.X.x.X.x.",
    },
    "four floor": {
        "kick": "X...X...X...X...",
        "clap": "....X.......X...",
        "open": "..x...x...x...x.",
        "hat": "?.o??.o??.o??.o?",
    },
    "disco": {
        "kick": "X...X...X...X...",
        "snare": "....X.......X...",
        "hat": "x.o.x.o.x.o.x.o.",
        "open": "..x...x...x...x.",
        "tamb": "....x.......x...",
    },
    "deep": {
        "kick": "X...X...X...X..?",
        "rim": "...x..?....x..x.",
        "shaker": "o.xoo.xoo.xoo.xo",
        "clap": "....x.......x...",
        "conga": "?..x...?..x...?.",
    },
    "two step": {
        "kick": "X.........x..?..",
        "snare": "....X.......X...",
        "hat": "x.xox.x?x.xox.x.",
        "shaker": "..x...x...x...x.",
    },
    "boom bap": {
        "kick": "X.?...?.x.x....?",
        "snare": "....X.......X..o",
        "hat": "x.x.x.xox.x.x.x.",
    },
    "lazy": {
        "kick": "X......x..x.....",
        "rim": "....X.......X...",
        "hat": "x.o.x.o.x.o.x.oo",
        "shaker": "..o...o...o...o.",
    },
    "trap": {
        "kick": "X.....?..?x...?.",
        "clap": "........X.......",
        "hat": "x.x.x.xxx.x?xxx.",
        "open": "......?.......?.",
    },
    "break": {
        "kick": "X.x.......xx....",
        "snare": "....X..o.o..X..o",
        "hat": "X.x.X.x.X.x.X.x.",
    },
    "pounding": {
        "kick": "X...X...X...X...",
        "hat": "..x...x...x...x.",
        "low tom": "...?..?...?..?..",
        "clap": "............?...",
    },
    "minimal": {
        "kick": "X...X...X...X...",
        "hat": "o.xoo.xoo.xoo.xo",
        "rim": "......x..x....?.",
        "cowbell": "...?......?.....",
    },
    "rolling": {
        "kick": "X...X...X...X...",
        "ride": "..x...x...x...x.",
        "hat": "xoxoxoxoxoxoxoxo",
        "clap": "....X.......X...",
    },
    "broken": {
        "kick": "X..x....X.x..x..",
        "clap": "....X.......X...",
        "hat": "..x.o.x...x.o.x.",
        "shaker": "oooooooooooooooo",
    },
    "march": {
        "low tom": "x.......x.......",
        "snare": "x..oo.x.x..oo.xo",
    },
    "timpani": {"low tom": "x...............", "kick": "........?......."},
}

FILLS: dict[str, dict[str, str]] = {
    "none": {},
    "snare": {"snare": "........x.oxX.XX", "kick": "X.......X......."},
    "toms": {"high tom": "........xxx.....", "low tom": "...........xX.XX", "kick": "X...x..."},
    "cut": {"kick": "X...X...", "clap": "............X.XX"},
    "roll": {"snare": "ooooooooxxxxXXXX"},
}

_LOUDNESS = {"X": 0.95, "x": 0.74, "o": 0.42, "?": 0.55}


def play_groove(
    groove: dict[str, str],
    bar_beat: float,
    beats_per_bar: int,
    energy: float,
    rng: np.random.Generator,
) -> list[Note]:
    """Play one bar of a groove; in quiet passages fewer optional strokes sound."""
    notes: list[Note] = []
    for piece, strokes in groove.items():
        for step, stroke in enumerate(strokes[: beats_per_bar * STEPS_PER_BEAT]):
            if stroke == "." or (stroke == "?" and rng.random() > 0.15 + 0.3 * energy):
                continue
            loudness = _LOUDNESS[stroke] * (0.7 + 0.3 * energy) * rng.uniform(0.9, 1.05)
            start = bar_beat + step / STEPS_PER_BEAT
            notes.append(Note(start, 0.25, PIECES[piece], loudness))
    return notes


def play_crash(bar_beat: float, energy: float) -> Note:
    """Mark the beginning of a section."""
    return Note(bar_beat, 1.0, PIECES["crash"], 0.55 + 0.3 * energy)

"""Keys, chords and voice leading."""

from typing import NamedTuple

MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "pentatonic": (0, 3, 5, 7, 10),
}

QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "5": (0, 7),
    "sus": (0, 5, 7),
    "dim": (0, 3, 6),
    "6": (0, 4, 7, 9),
    "7": (0, 4, 7, 10),
    "M7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "h7": (0, 3, 6, 10),
    "9": (0, 4, 7, 10, 14),
    "m9": (0, 3, 7, 10, 14),
    "M9": (0, 4, 7, 11, 14),
    "13": (0, 4, 10, 14, 21),
}


class Chord(NamedTuple):
    """A chord: its root and its tones as pitch classes, the root first."""

    root: int
    tones: tuple[int, ...]


class Span(NamedTuple):
    """A chord and when it sounds, in beats from the beginning of the song."""

    start_beat: float
    beats: float
    chord: Chord


def parse_chord(symbol: str, tonic: int) -> Chord:
    """Read a chord such as ``7:9``: semitones above the tonic, a colon, the quality.

    Raises
    ------
    ValueError
        If the quality is unknown.
    """
    degree, _, quality = symbol.partition(":")
    if quality not in QUALITIES:
        raise ValueError(f"chord {symbol!r} has no known quality. Add it to harmony.QUALITIES.")
    root = (tonic + int(degree)) % 12
    return Chord(root, tuple((root + interval) % 12 for interval in QUALITIES[quality]))


def spread(
    progression: str, tonic: int, first_beat: float, n_bars: int, beats_per_bar: int
) -> tuple[Span, ...]:
    """Repeat a progression over bars; a bar is a word, two chords in it are joined by ``/``."""
    words = progression.split()
    spans: list[Span] = []
    for bar in range(n_bars):
        symbols = words[bar % len(words)].split("/")
        beats = beats_per_bar / len(symbols)
        for place, symbol in enumerate(symbols):
            start = first_beat + bar * beats_per_bar + place * beats
            spans.append(Span(start, beats, parse_chord(symbol, tonic)))
    return tuple(spans)


def voice(chord: Chord, centre: int, previous: tuple[int, ...]) -> tuple[int, ...]:
    """Set a chord in the close position that lies near ``centre`` and moves least."""
    options = [_stack(chord.tones, turn, centre) for turn in range(len(chord.tones))]
    return min(options, key=lambda option: (_distance(option, centre, previous), option))


def nearest(pitch: float, pitch_classes: tuple[int, ...]) -> int:
    """The pitch of one of the pitch classes that lies nearest."""
    around = range(int(pitch) - 6, int(pitch) + 8)
    fitting = [option for option in around if option % 12 in pitch_classes]
    return min(fitting, key=lambda option: (abs(option - pitch), option))


def scale(mode: str, tonic: int) -> tuple[int, ...]:
    """The pitch classes of a mode on a tonic."""
    return tuple((tonic + step) % 12 for step in MODES[mode])


def _stack(tones: tuple[int, ...], turn: int, centre: int) -> tuple[int, ...]:
    """The tones from one of them upwards, each above the one before, around ``centre``."""
    turned = tones[turn:] + tones[:turn]
    pitches = [turned[0]]
    for tone in turned[1:]:
        pitches.append(pitches[-1] + ((tone - pitches[-1]) % 12 or 12))
    octaves = round((centre - sum(pitches) / len(pitches)) / 12)
    return tuple(pitch + 12 * octaves for pitch in pitches)


def _distance(option: tuple[int, ...], centre: int, previous: tuple[int, ...]) -> float:
    """How far the voices move, and how far they stray from the centre."""
    stray = abs(sum(option) / len(option) - centre)
    moves = [min(abs(pitch - before) for before in previous) for pitch in option if previous]
    return stray / 2 + sum(moves)

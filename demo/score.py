"""What a composer hands to the player: notes in beats, parts, and the mix."""

from dataclasses import dataclass
from typing import NamedTuple

STEPS_PER_BEAT = 4


class Note(NamedTuple):
    """A note; ``loudness`` runs from 0 to 1."""

    start_beat: float
    beats: float
    pitch: int
    loudness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The notes of one instrument, and how it is mixed.

    Attributes
    ----------
    program : int
        General MIDI program, from 0; the number of the kit if ``is_drums``.
    pan : float
        From -1 (left) to 1 (right).
    room : float
        Share sent to the reverberation, 0..1.
    drive : float
        0 leaves the sound clean; 1 distorts it clearly.
    ducks : bool
        Whether each bass drum presses the part down for a moment.
    sweeps : bool
        Whether a low-pass filter opens and closes slowly.
    """

    role: str
    program: int
    is_drums: bool
    level_db: float
    pan: float
    room: float
    release_s: float
    drive: float
    ducks: bool
    sweeps: bool
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A composed song.

    Attributes
    ----------
    rubato : float
        Largest deviation from the beat, in beats, of a slow wave over ``phrase_beats``.
    tilt_db : float
        Treble over bass in the finished mix.
    room_s : float
        Time in which the reverberation falls by 60 dB.
    """

    tempo_bpm: float
    rubato: float
    phrase_beats: float
    duration_s: float
    tilt_db: float
    room_s: float
    parts: tuple[Part, ...]

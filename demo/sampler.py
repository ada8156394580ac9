"""Play parts with the soundfont.

symusic 0.5.9 heeds neither loudness of notes nor volume nor panorama. So it renders each pitch of
an instrument once, and the notes are mixed from these takes: louder ones brighter, as played.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from symusic.core import NoteSecondList, ScoreSecond, Synthesizer, TrackSecond

from demo.score import Note, Part
from demo.tone import SAMPLE_RATE, Float32Array, low_pass, tilt

_DRUM_S = 1.5
_GAP_S = 0.05
_LAYER_CUTOFFS_HZ = (1_500.0, 4_000.0)  # of soft and middling notes
_LAYER_EDGES = (0.45, 0.7)


def play_part(
    part: Part,
    starts_s: npt.NDArray[np.float64],
    lengths_s: npt.NDArray[np.float64],
    n_samples: int,
    soundfont: Path,
    tilt_db: float = 0.0,
) -> Float32Array:
    """Play the notes of a part.

    Parameters
    ----------
    starts_s, lengths_s : float64 [shape=(n_notes,)]
        Times of ``part.notes`` in seconds.
    tilt_db : float
        Treble over bass. It is set in the takes, which are shorter than a song.

    Returns
    -------
    float32 [shape=(n_samples,)]
    """
    if part.is_drums:
        lengths_s = np.full(len(lengths_s), _DRUM_S)
    release_s = 0.02 if part.is_drums else part.release_s
    takes = _record_takes(part, lengths_s + release_s, soundfont, tilt_db)
    fade = _fade(release_s)
    bus = np.zeros(n_samples, dtype=np.float32)
    for note, start_s, length_s in zip(part.notes, starts_s, lengths_s, strict=True):
        take = takes[note.pitch][_layer(note)]
        start = int(start_s * SAMPLE_RATE)
        end = min(start + int(length_s * SAMPLE_RATE) + len(fade), n_samples, start + len(take))
        if end - start <= len(fade):
            continue
        sound = take[: end - start] * np.float32(note.loudness**2)
        sound[-len(fade) :] *= fade
        bus[start:end] += sound
    return bus


def _record_takes(
    part: Part, lengths_s: npt.NDArray[np.float64], soundfont: Path, tilt_db: float
) -> dict[int, tuple[Float32Array, ...]]:
    """Render each pitch of a part once, as long as its longest note, in layers of brightness."""
    longest: dict[int, float] = {}
    for note, length_s in zip(part.notes, lengths_s, strict=True):
        longest[note.pitch] = max(longest.get(note.pitch, 0.0), float(length_s))
    pitches = sorted(longest)
    lengths = np.array([longest[pitch] for pitch in pitches])
    starts = np.concatenate([[0.0], np.cumsum(lengths + _GAP_S)[:-1]])
    tape = tilt(_render(part, pitches, starts, lengths, soundfont), tilt_db)
    bounds = (np.stack([starts, starts + lengths]) * SAMPLE_RATE).astype(int).T
    needed = {_layer(note) for note in part.notes}
    cutoffs = [cutoff if nth in needed else 0 for nth, cutoff in enumerate(_LAYER_CUTOFFS_HZ)]
    layers = (*(low_pass(tape, cutoff) if cutoff else tape for cutoff in cutoffs), tape)
    return {
        pitch: tuple(layer[start:end] for layer in layers)
        for pitch, (start, end) in zip(pitches, bounds, strict=True)
    }


def _render(
    part: Part,
    pitches: list[int],
    starts_s: npt.NDArray[np.float64],
    lengths_s: npt.NDArray[np.float64],
    soundfont: Path,
) -> Float32Array:
    """One pitch after the other, mixed down to mono."""
    track = TrackSecond("", part.program, part.is_drums)
    track.notes = NoteSecondList.from_numpy(
        starts_s.astype(np.float32),
        lengths_s.astype(np.float32),
        np.array(pitches, dtype=np.int8),
        np.full(len(pitches), 100, dtype=np.int8),
    )
    score = ScoreSecond(480)
    score.tracks.append(track)
    # a synthesizer remembers what it played: a used one gives some programs another sound
    synthesizer = Synthesizer(str(soundfont), SAMPLE_RATE, 0)
    sound = np.asarray(synthesizer.render(score)).mean(axis=0, dtype=np.float32)
    if not np.isfinite(sound).all():
        kind = "kit" if part.is_drums else "program"
        raise ValueError(f"{kind} {part.program} of the soundfont cannot be played. Take another.")
    needed = int((starts_s[-1] + lengths_s[-1]) * SAMPLE_RATE) + 1
    return np.pad(sound, (0, max(0, needed - len(sound))))


def _layer(note: Note) -> int:
    """Which layer of brightness a note takes."""
    return sum(note.loudness > edge for edge in _LAYER_EDGES)


@lru_cache(maxsize=16)
def _fade(release_s: float) -> Float32Array:
    """A fall from 1 to 0 like a struck string's."""
    n_samples = max(int(release_s * SAMPLE_RATE), 64)
    fall = np.linspace(1.0, 0.0, n_samples)
    return (fall**2).astype(np.float32)

"""Mix a score: effects, reverberation, tone, loudness."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import fft

from demo.drums import PIECES
from demo.loudness import level
from demo.sampler import play_part
from demo.score import Part, Score
from demo.tone import SAMPLE_RATE, Float32Array, low_pass

_FADE_S = 0.5
_DUCK_S = 0.25
_SWEEP_HZ = 500.0
_SWEEP_BEATS = 32.0
_BLOCK = 1 << 15
"""Samples that are worked on together: as many as fit a cache."""
_ROOM_BLOCK = 1 << 18
"""Samples, twice as many at least as a room sounds."""
_RIGHT_SAMPLES = 507
"""Delay of the room on the right against the left, 11.5 ms."""


def mix(score: Score, soundfont: Path) -> npt.NDArray[np.int16]:
    """Play a score.

    Returns
    -------
    int16 [shape=(n_samples, 2)]
        Stereo at 44.1 kHz, levelled to ``loudness.TARGET_LUFS``.
    """
    n_samples = round(score.duration_s * SAMPLE_RATE)
    song = np.zeros((2, n_samples), dtype=np.float32)
    send = np.zeros_like(song[0])
    press = _duck_envelope(score, n_samples)
    for part in score.parts:
        starts_s, lengths_s = _times(score, part)
        sound = play_part(part, starts_s, lengths_s, n_samples, soundfont, score.tilt_db)
        sound = _treat(sound, part, press, score.tempo_bpm)
        angle = (part.pan + 1) * np.pi / 4
        gains = (np.cos(angle), np.sin(angle), part.room)
        for start in range(0, n_samples, _BLOCK):
            block = slice(start, start + _BLOCK)
            for bus, gain in zip((*song, send), gains, strict=True):
                bus[block] += sound[block] * np.float32(gain)
    _reverberate(song, send, score.room_s)
    song[:, -_fade_out().size :] *= _fade_out()
    loud = level(song)
    loud *= np.float32(32767)
    return np.rint(loud, out=loud).astype(np.int16).T


def _times(score: Score, part: Part) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Starts and lengths of the notes in seconds, with rubato."""
    beats = np.array([(note.start_beat, note.start_beat + note.beats) for note in part.notes])
    wave = np.sin(2 * np.pi * beats / score.phrase_beats)
    seconds = (beats + score.rubato * wave) * 60.0 / score.tempo_bpm
    seconds = np.maximum(seconds, 0.0)
    return seconds[:, 0], np.maximum(seconds[:, 1] - seconds[:, 0], 0.04)


def _treat(sound: Float32Array, part: Part, press: Float32Array, tempo_bpm: float) -> Float32Array:
    """Bring a part to its level, through its effects."""
    sound /= _sounding_rms(sound)
    if part.drive:
        sound = np.tanh(sound * np.float32(0.3 + part.drive))
        sound /= _sounding_rms(sound)
    if part.sweeps:
        sound = _sweep(sound, tempo_bpm)
    if part.ducks:
        sound *= press
    sound *= np.float32(10 ** (part.level_db / 20))
    return sound


def _sounding_rms(sound: Float32Array) -> np.float32:
    """The RMS of a part where it sounds, so that rests do not make it louder."""
    step = SAMPLE_RATE // 10
    whole = sound[: len(sound) // step * step].reshape(-1, step)
    power = np.einsum("ij,ij->i", whole, whole) / step
    sounding = power[power > 0.01 * power.max()]
    return np.float32(np.sqrt(sounding.mean())) if sounding.size else np.float32(1.0)


def _sweep(sound: Float32Array, tempo_bpm: float) -> Float32Array:
    """Open and close a low-pass filter over eight bars."""
    period = _SWEEP_BEATS * 60.0 / tempo_bpm * SAMPLE_RATE
    turn = np.arange(len(sound), dtype=np.float32) * np.float32(2 * np.pi / period)
    opened = np.float32(0.55) - np.float32(0.45) * np.cos(turn)
    dark = low_pass(sound, _SWEEP_HZ)
    return dark + opened * (sound - dark)


def _duck_envelope(score: Score, n_samples: int) -> Float32Array:
    """The gain that each bass drum presses down, 1 where none sounds."""
    envelope = np.ones(n_samples, dtype=np.float32)
    dip = np.linspace(0.25, 1.0, int(_DUCK_S * SAMPLE_RATE), dtype=np.float32)
    for part in score.parts:
        if not part.is_drums:
            continue
        for note, start_s in zip(part.notes, _times(score, part)[0], strict=True):
            start = int(start_s * SAMPLE_RATE)
            if note.pitch == PIECES["kick"] and start + len(dip) < n_samples:
                envelope[start : start + len(dip)] = dip
    return envelope


def _reverberate(song: Float32Array, send: Float32Array, room_s: float) -> None:
    """Add the sound of a room: noise that falls by 60 dB in ``room_s``, later for the right ear.

    Overlap-add in blocks that fit a cache takes half the time of `scipy.signal.oaconvolve`.
    """
    n_samples = int(room_s * SAMPLE_RATE)
    noise = np.random.default_rng(n_samples).standard_normal(n_samples)
    decay = 10 ** (-3 * np.arange(n_samples) / n_samples)
    response = (noise * decay).astype(np.float32)
    response *= np.float32(0.5) / np.sqrt(np.sum(response**2))
    response_spectrum = fft.rfft(response, _ROOM_BLOCK)
    hop, ears = _ROOM_BLOCK - n_samples + 1, (song[0], song[1, _RIGHT_SAMPLES:])
    for start in range(0, len(send), hop):
        spectrum = fft.rfft(send[start : start + hop], _ROOM_BLOCK)
        wet = fft.irfft(spectrum * response_spectrum, _ROOM_BLOCK)
        for ear in ears:
            place = ear[start : start + _ROOM_BLOCK]
            place += wet[: len(place)]


def _fade_out() -> Float32Array:
    return np.linspace(1.0, 0.0, int(_FADE_S * SAMPLE_RATE), dtype=np.float32)

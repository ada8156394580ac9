"""Mix a score: effects, reverberation, tone, loudness."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import signal

from demo.drums import PIECES
from demo.loudness import level
from demo.sampler import play_part
from demo.score import Part, Score
from demo.tone import SAMPLE_RATE, Float32Array, low_pass

_FADE_S = 0.5
_DUCK_S = 0.25
_TILT_HZ = 900.0
_SWEEP_HZ = 500.0
_SWEEP_BEATS = 32.0


def mix(score: Score, soundfont: Path) -> npt.NDArray[np.int16]:
    """Play a score.

    Returns
    -------
    int16 [shape=(n_samples, 2)]
        Stereo at 44.1 kHz, levelled to ``loudness.TARGET_LUFS``.
    """
    n_samples = round(score.duration_s * SAMPLE_RATE)
    song = np.zeros((2, n_samples), dtype=np.float32)
    send = np.zeros(n_samples, dtype=np.float32)
    press = _duck_envelope(score, n_samples)
    for part in score.parts:
        starts_s, lengths_s = _times(score, part)
        sound = play_part(part, starts_s, lengths_s, n_samples, soundfont)
        sound = _treat(sound, part, press, score.tempo_bpm)
        left, right = np.cos((part.pan + 1) * np.pi / 4), np.sin((part.pan + 1) * np.pi / 4)
        song[0] += sound * np.float32(left)
        song[1] += sound * np.float32(right)
        send += sound * np.float32(part.room)
    song += _reverberate(send, score.room_s)
    song = _tilt(song, score.tilt_db)
    song[:, -_fade_out().size :] *= _fade_out()
    return np.round(level(song).T * 32767).astype(np.int16)


def _times(score: Score, part: Part) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Starts and lengths of the notes in seconds, with rubato."""
    beats = np.array([(note.start_beat, note.start_beat + note.beats) for note in part.notes])
    wave = np.sin(2 * np.pi * beats / score.phrase_beats)
    seconds = (beats + score.rubato * wave) * 60.0 / score.tempo_bpm
    seconds = np.maximum(seconds, 0.0)
    return seconds[:, 0], np.maximum(seconds[:, 1] - seconds[:, 0], 0.04)


def _treat(sound: Float32Array, part: Part, press: Float32Array, tempo_bpm: float) -> Float32Array:
    """Bring a part to its level, through its effects."""
    sound = sound / _sounding_rms(sound)
    if part.drive:
        pushed = np.tanh(sound * np.float32(0.3 + part.drive))
        sound = pushed / _sounding_rms(pushed)
    if part.sweeps:
        sound = _sweep(sound, tempo_bpm)
    if part.ducks:
        sound = sound * press
    return sound * np.float32(10 ** (part.level_db / 20))


def _sounding_rms(sound: Float32Array) -> np.float32:
    """The RMS of a part where it sounds, so that rests do not make it louder."""
    step = SAMPLE_RATE // 10
    whole = sound[: len(sound) // step * step].reshape(-1, step)
    power = np.mean(whole**2, axis=1)
    sounding = power[power > 0.01 * power.max()]
    return np.float32(np.sqrt(sounding.mean())) if sounding.size else np.float32(1.0)


def _sweep(sound: Float32Array, tempo_bpm: float) -> Float32Array:
    """Open and close a low-pass filter over eight bars."""
    period = _SWEEP_BEATS * 60.0 / tempo_bpm * SAMPLE_RATE
    turn = np.arange(len(sound), dtype=np.float32) * np.float32(2 * np.pi / period)
    opened = 0.55 - 0.45 * np.cos(turn)
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


def _reverberate(send: Float32Array, room_s: float) -> Float32Array:
    """The sound of a room: noise that falls by 60 dB in ``room_s``, its own for each ear."""
    n_samples = int(room_s * SAMPLE_RATE)
    noise = np.random.default_rng(n_samples).standard_normal((2, n_samples))
    decay = 10 ** (-3 * np.arange(n_samples) / n_samples)
    response = (noise * decay).astype(np.float32)
    response *= np.float32(0.5) / np.sqrt(np.sum(response**2, axis=1, keepdims=True))
    wet = signal.oaconvolve(send[None, :], response, axes=1)
    return wet[:, : len(send)].astype(np.float32)


def _tilt(song: Float32Array, tilt_db: float) -> Float32Array:
    """Raise the treble and lower the bass by half of ``tilt_db`` each."""
    gain = np.float32(10 ** (tilt_db / 40))
    return song * gain + low_pass(song, _TILT_HZ) * (1 / gain - gain)


def _fade_out() -> Float32Array:
    return np.linspace(1.0, 0.0, int(_FADE_S * SAMPLE_RATE), dtype=np.float32)

"""The soundfont in tune, notes as loud and long as written, loudness as the standard says."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demo import encode
from demo.loudness import TARGET_LUFS, level, loudness_lufs
from demo.mixing import mix
from demo.sampler import play_part
from demo.score import Note, Part, Score
from demo.tone import Float32Array, low_pass, tilt

RATE = 44_100
PART = Part(
    role="lead",
    program=0,
    is_drums=False,
    level_db=0.0,
    pan=0.0,
    room=0.0,
    release_s=0.1,
    drive=0.0,
    ducks=False,
    sweeps=False,
    notes=(Note(0.0, 1.0, 57, 1.0),),
)
SCORE = Score(
    tempo_bpm=60.0,
    rubato=0.0,
    phrase_beats=16.0,
    duration_s=3.0,
    tilt_db=0.0,
    room_s=0.5,
    parts=(PART,),
)


def _sine(frequency_hz: float, amplitude: float, n_channels: int = 1) -> Float32Array:
    time_s = np.arange(5 * RATE) / RATE
    wave = amplitude * np.sin(2 * np.pi * frequency_hz * time_s)
    return np.tile(wave.astype(np.float32), (n_channels, 1))


def _play(part: Part, soundfont: Path, seconds: float = 2.0) -> Float32Array:
    starts_s = np.array([note.start_beat for note in part.notes])
    lengths_s = np.array([note.beats for note in part.notes])
    return play_part(part, starts_s, lengths_s, int(seconds * RATE), soundfont)


@pytest.mark.parametrize("program", [0, 4, 24, 29, 32, 33, 40, 48, 81])
def test_an_a_sounds_at_a_multiple_of_220_hz(program: int, soundfont: Path) -> None:
    sound = _play(replace(PART, program=program), soundfont)

    spectrum = np.abs(np.fft.rfft(sound[RATE // 10 : RATE] * np.hanning(RATE - RATE // 10)))
    peak_hz = np.argmax(spectrum) / (1 - 0.1)
    harmonic = peak_hz / 220.0
    assert harmonic == pytest.approx(round(harmonic), rel=0.012)
    assert round(harmonic) >= 1


def test_an_instrument_sounds_the_same_whatever_was_played_before(
    soundfont: Path, tmp_path: Path
) -> None:
    accordion, harmonica = (replace(PART, program=program) for program in (23, 21))
    first, second = (shutil.copy(soundfont, tmp_path / name) for name in ("1.sf2", "2.sf2"))
    alone = _play(accordion, first)
    _play(harmonica, second)

    after_another = _play(accordion, second)

    np.testing.assert_array_equal(after_another, alone)


def test_a_note_half_as_loud_has_a_fraction_of_the_power(soundfont: Path) -> None:
    loud = _play(PART, soundfont)
    soft = _play(replace(PART, notes=(Note(0.0, 1.0, 57, 0.5),)), soundfont)

    assert 0 < np.mean(soft**2) < 0.1 * np.mean(loud**2)


def test_a_note_ends_with_its_release(soundfont: Path) -> None:
    sound = _play(replace(PART, program=48), soundfont)

    assert np.abs(sound[int(0.9 * RATE) : RATE]).max() > 0.01
    assert np.abs(sound[int(1.11 * RATE) :]).max() == 0.0


def test_an_instrument_to_the_left_is_louder_on_the_left(soundfont: Path) -> None:
    sound = mix(replace(SCORE, parts=(replace(PART, pan=-0.8),)), soundfont).astype(float)

    left, right = np.mean(sound**2, axis=0)
    assert left > 10 * right


def test_a_mix_lasts_as_long_as_the_score_and_has_the_target_loudness(soundfont: Path) -> None:
    sound = mix(SCORE, soundfont)

    assert sound.shape == (3 * RATE, 2)
    assert sound.dtype == np.int16
    assert loudness_lufs((sound.T / 32767).astype(np.float32)) == pytest.approx(
        TARGET_LUFS, abs=0.3
    )


def test_a_room_sounds_on_both_sides_for_its_time(soundfont: Path) -> None:
    part = replace(PART, room=1.0, pan=-1.0, notes=(Note(0.0, 0.5, 57, 1.0),))

    right = mix(replace(SCORE, room_s=1.0, parts=(part,)), soundfont)[:, 1]

    assert np.abs(right[: RATE // 2]).max() > 100
    assert np.abs(right[int(1.62 * RATE) :]).max() <= 1  # 0.5 s, 0.1 s of release, 1 s of room


@pytest.mark.parametrize("tilt_db", [-5.0, 3.0])
def test_a_tilt_raises_the_treble_over_the_bass(tilt_db: float) -> None:
    impulse = np.zeros(RATE, dtype=np.float32)
    impulse[0] = 1.0

    gains = np.abs(np.fft.rfft(tilt(impulse, tilt_db)))

    assert 20 * np.log10(gains[0]) == pytest.approx(-tilt_db / 2, abs=0.01)
    assert 20 * np.log10(gains[20_000]) == pytest.approx(tilt_db / 2, abs=0.5)  # of one pole


def test_what_is_filtered_ends_in_silence() -> None:
    impulse = np.zeros(RATE, dtype=np.float32)
    impulse[0] = 1.0

    assert not low_pass(impulse, 900.0)[RATE // 2 :].any()


def test_a_full_scale_sine_of_997_hz_in_one_channel_measures_minus_3_01_lufs() -> None:
    assert loudness_lufs(_sine(997.0, 1.0)) == pytest.approx(-3.01, abs=0.05)


def test_silence_between_sounds_is_gated_out() -> None:
    sine = _sine(997.0, 0.1)
    with_rest = np.concatenate([sine, np.zeros_like(sine)], axis=1)

    assert loudness_lufs(with_rest) == pytest.approx(loudness_lufs(sine), abs=0.2)


def test_levelling_ignores_the_gain_and_stays_below_full_scale() -> None:
    noise = np.random.default_rng(3).standard_normal((2, 3 * RATE)).astype(np.float32) ** 3

    soft, loud = level(0.01 * noise), level(noise)

    np.testing.assert_allclose(soft, loud, atol=1e-4)
    assert np.abs(loud).max() < 0.9


def test_silence_cannot_be_levelled() -> None:
    with pytest.raises(ValueError, match="silent"):
        level(np.zeros((2, RATE), dtype=np.float32))


def test_a_song_that_ffmpeg_refuses_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode, "SAMPLE_RATE", 12_345)  # of no mp3

    with pytest.raises(OSError, match="could not be encoded"):
        encode.write_mp3(np.zeros((RATE, 2), dtype=np.int16), tmp_path / "song.mp3", {}, 128_000)

    assert list(tmp_path.iterdir()) == []

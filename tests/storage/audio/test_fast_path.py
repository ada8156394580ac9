"""Seeking gives the matrices that decoding the whole song with the same decoder gives."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre_core.representations.features import FeatureConfig, matrices_of
from genre_core.signal.fragments import SAMPLE_RATE, FragmentConfig
from storage.audio.decode import cut_song
from storage.audio.probe import probe_audio
from storage.audio.resample import mix_down
from storage.audio.seek import can_seek
from storage.audio.wav import read_wav, round_samples, write_wav

Encode = Callable[..., Path]
FEATURES = FeatureConfig(fragments=FragmentConfig(margin_s=0.5, min_track_s=5.0))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("song.wav", []),
        ("song.flac", []),
        ("song.mp3", ["-b:a", "128k"]),
        ("song.mp3", ["-b:a", "320k"]),
        ("song.mp3", ["-q:a", "3"]),
    ],
)
def test_the_fast_path_gives_the_very_matrices_of_the_slow_one(
    encode: Encode, tmp_path: Path, name: str, options: list[str]
) -> None:
    song = encode(name, *options)
    facts = probe_audio(song)
    whole, _ = soundfile.read(song, dtype="float32", always_2d=True)
    signal, n_samples = mix_down(whole.T), round(FEATURES.fragment_s * SAMPLE_RATE)

    cut = cut_song(song, "a track", facts, FEATURES.fragments)
    write_wav(tmp_path / "cache.wav", cut.fragments)
    fast = matrices_of(read_wav(tmp_path / "cache.wav", len(cut.starts_s)), FEATURES)

    starts = [round(start_s * SAMPLE_RATE) for start_s in cut.starts_s]
    slow = np.stack([signal[start : start + n_samples] for start in starts])
    assert can_seek(song, facts)
    np.testing.assert_array_equal(fast, matrices_of(round_samples(slow), FEATURES))

"""Songs to test with: sweeps and noise, encoded by the ffmpeg inside imageio-ffmpeg."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from genre_core.examples import Float32Array

Encode = Callable[..., Path]


def make_signal(duration_s: float, sample_rate: int, seed: int = 0) -> Float32Array:
    """Two channels of a rising tone in noise, so that every moment differs from every other."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(duration_s * sample_rate)) / sample_rate
    tones = [np.sin(2 * np.pi * (f * time_s + 20 * time_s**2)) for f in (200, 310)]
    noise = rng.standard_normal((2, len(time_s)))
    return (0.3 * np.stack(tones) + 0.05 * noise).T.astype(np.float32)


def run_ffmpeg(*arguments: str | Path) -> None:
    """Run the packaged ffmpeg, silent unless it fails."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-v", "error", "-y", *map(str, arguments)], check=True)


@pytest.fixture(scope="session")
def sweep_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of a sweep, 44.1 kHz, two channels, int16."""
    path = tmp_path_factory.mktemp("sweep") / "sweep.wav"
    soundfile.write(path, make_signal(12.0, 44_100), 44_100, subtype="PCM_16")
    return path


@pytest.fixture(scope="session")
def encode(sweep_wav: Path, tmp_path_factory: pytest.TempPathFactory) -> Encode:
    """Encode the sweep: ``encode("song.mp3", "-b:a", "192k")`` gives the path of the file."""

    def encode_sweep(name: str, *options: str) -> Path:
        target = tmp_path_factory.mktemp("encoded") / name
        run_ffmpeg("-i", sweep_wav, *options, target)
        return target

    return encode_sweep


@pytest.fixture(scope="session")
def sweep_mp3(encode: Encode) -> Path:
    """The sweep as an mp3 with tags."""
    tags = ["-metadata", "artist=Ada", "-metadata", "album=Notes", "-metadata", "title=Ünïcode 歌"]
    return encode("sweep.mp3", "-b:a", "192k", *tags)

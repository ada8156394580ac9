"""Songs, encoded by the ffmpeg inside imageio-ffmpeg, and a certificate to test with."""

import datetime
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from genre_core.examples import Float32Array
from tests.shared import Shared

Encode = Callable[..., Path]


def make_signal(duration_s: float, sample_rate: int, seed: int = 0) -> Float32Array:
    """Two channels of a rising tone in noise, so that every moment differs from every other."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(duration_s * sample_rate)) / sample_rate
    tones = [np.sin(2 * np.pi * (f * time_s + 20 * time_s**2)) for f in (200, 310)]
    noise = rng.standard_normal((2, len(time_s)))
    return (0.3 * np.stack(tones) + 0.05 * noise).T.astype(np.float32)


@pytest.fixture(scope="session")
def sweep_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of a sweep, 44.1 kHz, two channels, int16."""
    path = tmp_path_factory.mktemp("sweep") / "sweep.wav"
    soundfile.write(path, make_signal(12.0, 44_100), 44_100, subtype="PCM_16")
    return path


@pytest.fixture(scope="session")
def encode(sweep_wav: Path, shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Encode:
    """Encode the sweep: ``encode("song.mp3", "-b:a", "192k")`` gives the path of the file."""

    def encode_sweep(name: str, *options: str) -> Path:
        target = tmp_path_factory.mktemp("encoded") / name
        return shared.encode(target, "-i", sweep_wav, *options)

    return encode_sweep


@pytest.fixture(scope="session")
def sweep_mp3(encode: Encode) -> Path:
    """The sweep as an mp3 with tags."""
    tags = ["-metadata", "artist=Ada", "-metadata", "album=Notes", "-metadata", "title=Ünïcode 歌"]
    return encode("sweep.mp3", "-b:a", "192k", *tags)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for ``songs.test``, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "songs.test")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("songs.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path / "songs.pem"
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path

"""Over https, the certificate must be that of the name, whatever address is connected to."""

import datetime
import ssl
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from genre_core.errors import TransientError
from genre_core.records import Track
from storage.web import hops


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


@pytest.fixture
def https_port(
    host: ThreadingHTTPServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> int:
    """The port of a server that every name leads to, and whose certificate is trusted."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    host.socket = serving.wrap_socket(host.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(hops, "_certificates", lambda: trusting)
    monkeypatch.setattr(hops, "resolve_host", lambda _host: ["127.0.0.1"])
    return host.server_port


def test_the_certificate_of_the_name_is_accepted(
    https_port: int, fetch: Callable[..., Track]
) -> None:
    assert fetch(f"https://songs.test:{https_port}/song.mp3").codec == "mp3"


def test_a_name_without_a_certificate_is_refused(
    https_port: int, fetch: Callable[..., Track]
) -> None:
    with pytest.raises(TransientError, match="cannot be reached") as failure:
        fetch(f"https://other.test:{https_port}/song.mp3", max_attempts=1)

    assert failure.value.reason == "unreachable"
    assert "certificate is not valid for 'other.test'" in str(failure.value.__cause__)

"""Over https, the certificate must be that of the name, whatever address is connected to."""

import ssl
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from genre_core.errors import TransientError
from genre_core.records import Track
from storage.fetch import addresses, connect


@pytest.fixture
def https_port(
    host: ThreadingHTTPServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> int:
    """The port of a server that every name leads to, and whose certificate is trusted."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    host.socket = serving.wrap_socket(host.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(connect, "_certificates", lambda: trusting)
    monkeypatch.setattr(addresses, "resolve_host", lambda _host: ["127.0.0.1"])
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

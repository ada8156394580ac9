"""Redirects lead to public addresses only, and nobody reads credentials."""

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from genre_core.errors import TrackRejected, TransientError
from genre_core.records import Track
from storage.fetch import addresses, connect
from storage.fetch.addresses import AddressPolicy, is_public
from storage.fetch.limits import DownloadLimits
from tests.storage.fetch.conftest import Host, outcome_of

Fetch = Callable[..., Track]


# from https://www.iana.org/assignments/iana-ipv4-special-registry, -ipv6-special-registry,
# -ipv6-address-space and -multicast-addresses: first and last address of each block
CLOSED = """
    0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0
    127.255.255.255 169.254.0.0 169.254.169.254 169.254.255.255 172.16.0.0 172.31.255.255
    192.0.0.0 192.0.0.8 192.0.0.170 192.0.0.255 192.0.2.0 192.0.2.255 192.88.99.2 192.168.0.0
    192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0
    203.0.113.255 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.255
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b::a00:1
    64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff 100:: 100:0:0:1:: 2001:: 2001:2:: 2001:10::
    2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff 2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff
    2002:: 2002:7f00:1:: 3fff:: 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff 4000:: 5f00::
    5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
    fe80:: fe80::1%2 febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff fec0::
    feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ff00:: ff02::1
"""
PUBLIC = """
    1.0.0.0 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255
    192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 203.0.114.0 223.255.255.255
    64:ff9b::808:808 2001:200:: 2001:db7:ffff:: 2001:db9:: 2003:: 2606:4700::1111 3ffe:ffff::
"""


def test_an_address_is_public_unless_a_registry_reserves_its_block() -> None:
    assert [address for address in CLOSED.split() if is_public(address)] == []
    assert [address for address in PUBLIC.split() if not is_public(address)] == []


LOOPBACK = """
    127.0.0.1 127.0.0.1. 127.1 2130706433 0x7f.1 0x7f000001 0177.0.0.1 017700000001
"""


def policy_for_strangers(**limits: bool) -> AddressPolicy:
    url = "http://songs.test/x"
    return AddressPolicy(url, url, DownloadLimits(trust_named=False, **limits))


@pytest.mark.parametrize("has_proxy", [False, True])
@pytest.mark.parametrize("host", [*LOOPBACK.split(), "0300.0250.1", "0", "::1", "::ffff:127.0.0.1"])
def test_every_form_of_a_private_address_is_refused(host: str, has_proxy: bool) -> None:
    url = f"http://[{host}]/x" if ":" in host else f"http://{host}/x"

    with pytest.raises((TrackRejected, OSError)) as failure:
        policy_for_strangers().find_addresses(url, host, has_proxy=has_proxy)

    # a name that ends with a dot is looked up, and leads nowhere
    assert getattr(failure.value, "reason", "") == "forbidden" or not has_proxy
    assert isinstance(failure.value, TrackRejected) or host.endswith(".")


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost.", "a.localhost", "metadata.google.internal", "nas.local", "intranet",
     "loc%61lhost.test", "127%2e0.0.1", "fe80::1%25eth0"],
)  # fmt: skip
def test_a_proxy_gets_no_name_of_its_own_network(host: str) -> None:
    with pytest.raises(TrackRejected, match=r"leads to .*, which is in a local network"):
        policy_for_strangers().find_addresses("http://songs.test/x", host, has_proxy=True)


def test_a_proxy_gets_names_that_lead_nowhere_here_but_none_that_leads_inside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def look_up(host: str) -> list[str]:
        if host == "inside.test":
            return ["8.8.8.8", "10.0.0.1"]
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(addresses, "resolve_host", look_up)
    policy, url = policy_for_strangers(), "http://songs.test/x"

    assert policy.find_addresses(url, "outside.test", has_proxy=True) == []
    with pytest.raises(TrackRejected, match=r"10\.0\.0\.1, no public address"):
        policy.find_addresses(url, "inside.test", has_proxy=True)
    open_policy = policy_for_strangers(allow_private=True)
    assert open_policy.find_addresses(url, "inside.test", has_proxy=True) == []


def test_the_server_that_the_user_named_is_left_to_the_proxy() -> None:
    policy = AddressPolicy("http://nas.local/x", "http://nas.local/x", DownloadLimits())

    assert policy.find_addresses("http://nas.local/x", "nas.local", has_proxy=True) == []


def test_one_closed_address_is_enough_to_refuse_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"a.test": ["10.0.0.2"], "songs.test": ["8.8.8.8", "10.0.0.1"]}
    monkeypatch.setattr(addresses, "resolve_host", places.__getitem__)
    policy = AddressPolicy("http://a.test/x", "http://a.test/x", DownloadLimits())

    with pytest.raises(TrackRejected, match=r"leads to songs\.test, which is at 10\.0\.0\.1"):
        policy.find_addresses("http://songs.test/", "songs.test", has_proxy=False)


def test_a_named_host_that_becomes_private_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([["8.8.8.8"], ["10.0.0.1"]])
    monkeypatch.setattr(addresses, "resolve_host", lambda _host: next(answers))
    policy = AddressPolicy("http://a.test/x", "http://a.test/x", DownloadLimits())

    first = policy.find_addresses("http://a.test/x", "a.test", has_proxy=False)

    assert first == ["8.8.8.8"]
    with pytest.raises(TrackRejected, match=r"10\.0\.0\.1, no public address"):
        policy.find_addresses("http://a.test/y", "a.test", has_proxy=False)


@pytest.mark.parametrize("path", ["/elsewhere.mp3", "{url}/elsewhere.mp3", "//127.0.0.1:{port}/x"])
def test_the_named_server_may_redirect_to_itself(host: Host, fetch: Fetch, path: str) -> None:
    host.refuse(302, Location=path.format(url=host.url, port=host.server_port))

    assert fetch(f"{host.url}/song.mp3").codec == "mp3"
    assert len(host.asked) == 2


def test_a_redirect_to_another_private_address_needs_a_setting(
    host: Host, neighbour: Host, fetch: Fetch
) -> None:
    for _ in range(2):
        host.refuse(301, Location=f"{neighbour.url}/song.mp3")

    with pytest.raises(TrackRejected, match=r"127\.0\.0\.2, no public address") as rejection:
        fetch(f"{host.url}/song.mp3")
    refused = list(neighbour.asked)
    fetch(f"{host.url}/song.mp3", allow_private=True)

    assert (rejection.value.reason, refused) == ("forbidden", [])
    assert len(neighbour.asked) == 1


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_to_another_scheme_is_refused(host: Host, fetch: Fetch, target: str) -> None:
    host.refuse(302, Location=target)

    assert outcome_of(fetch, f"{host.url}/song.mp3") == "quarantined forbidden"


def test_redirects_in_a_circle_end(host: Host, fetch: Fetch) -> None:
    for _ in range(9):
        host.refuse(302, Location="/again")

    url = f"{host.url}/song.mp3"
    assert outcome_of(fetch, url, max_redirects=4) == "quarantined unreachable"
    assert len(host.asked) == 5


def test_the_connection_goes_to_the_address_that_was_checked(
    host: Host, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "resolve_host", lambda _host: ["127.0.0.3", "127.0.0.1"])

    fetch(f"http://songs.test:{host.server_port}/song.mp3")

    assert [asked["host"] for asked in host.asked] == [f"songs.test:{host.server_port}"]


def test_credentials_reach_only_the_named_server(host: Host, neighbour: Host, fetch: Fetch) -> None:
    host.refuse(302, Location="/moved")
    host.refuse(302, Location=f"{neighbour.url}/song.mp3")
    neighbour.refuse(404)
    named = host.url.replace("//", "//user:secret@")

    with pytest.raises(TrackRejected) as rejection:
        fetch(f"{named}/song.mp3?token=secret", allow_private=True)

    # base64 of "user:secret"
    assert [a["authorization"] for a in host.asked] == ["Basic dXNlcjpzZWNyZXQ="] * 2
    assert "authorization" not in neighbour.asked[0]
    assert "secret" not in str(rejection.value)


@pytest.mark.parametrize("end", ["host:x1/a", ":80/a", "host:99999/a", "[::1/a"])
def test_a_malformed_address_shows_no_credentials(fetch: Fetch, end: str) -> None:
    with pytest.raises((TrackRejected, TransientError)) as failure:
        fetch(f"http://user:secret@{end}", max_attempts=1)

    assert "secret" not in str(failure.value)
    assert "secret" not in str(failure.value.__cause__)


def test_an_unknown_name_is_unreachable(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(addresses, "resolve_host", fail)

    url = "http://songs.test/song.mp3"
    assert outcome_of(fetch, url, max_attempts=2) == "retryable unreachable"


@pytest.fixture
def https_port(host: Host, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The port of a server that every name leads to, and whose certificate is trusted."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    host.socket = serving.wrap_socket(host.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(connect, "_certificates", lambda: trusting)
    monkeypatch.setattr(addresses, "resolve_host", lambda _host: ["127.0.0.1"])
    return host.server_port


def test_the_certificate_must_be_that_of_the_name(https_port: int, fetch: Fetch) -> None:
    accepted = fetch(f"https://songs.test:{https_port}/song.mp3")
    with pytest.raises(TransientError) as failure:
        fetch(f"https://other.test:{https_port}/song.mp3", max_attempts=1)

    assert (accepted.codec, failure.value.reason) == ("mp3", "unreachable")
    assert "certificate is not valid for 'other.test'" in str(failure.value.__cause__)

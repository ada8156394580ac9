"""Strangers: other hosts, sites, passwords, paths and sizes; what an answer may not hold."""

import asyncio
import base64
import errno
import resource
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import Message

from flows.settings import Settings
from flows.web import bodies
from flows.web.safety import LOOPBACK, Guard
from flows.web.state import WebState
from storage.files import disk_error
from tests.web.conftest import Site, serving

pytestmark = [pytest.mark.flow, pytest.mark.keras]
JSON = "application/json"
SECRET = "opensesame ü"


@pytest.fixture(scope="module")
def locked_site(finished: Settings) -> Iterator[Site]:
    """A server that other machines may reach, under a name and with a password."""
    with serving(finished, hosts=("127.0.0.1", "music.example"), secret=SECRET) as site:
        yield site


def _basic(password: str) -> dict[str, str]:
    pair = base64.b64encode(f"ada:{password}".encode()).decode()
    return {"authorization": f"Basic {pair}"}


def test_without_the_password_nothing_is_answered(locked_site: Site) -> None:
    for path in ("/", "/api/songs", "/static/app.css", "/metrics", "/audio/songs/00"):
        answer = locked_site.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("given", ["", "opensesame", SECRET + "x"])
def test_a_wrong_password_is_refused(locked_site: Site, given: str) -> None:
    assert locked_site.get("/", headers=_basic(given)).status_code == 401
    assert locked_site.get("/", headers={"authorization": "Basic no base64"}).status_code == 401


def test_the_password_opens_the_page_as_password_or_as_token(locked_site: Site) -> None:
    token = {"authorization": f"Bearer {SECRET}".encode()}
    for headers in (_basic(SECRET), token):
        assert locked_site.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("music.example", 200),
        ("music.example:8000", 200),
        ("MUSIC.example", 200),
        ("music.example.evil.example", 421),
        ("evil.example", 421),
        ("[::1", 421),
        ("", 421),
    ],
)
def test_a_server_answers_to_its_own_names_alone(locked_site: Site, host: str, status: int) -> None:
    headers = {**_basic(SECRET), "host": host}
    assert locked_site.get("/", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("192.168.1.10:8000", 200),
        ("[fe80::1]:8000", 200),
        (socket.gethostname(), 200),
        (f"{socket.gethostname()}.local:8000", 200),
        ("evil.example", 421),
        ("192.168.1.10.evil.example", 421),
    ],
)
def test_a_server_on_all_addresses_answers_to_each_of_them_and_to_its_machine(
    host: str, status: int
) -> None:
    guard = Guard(PlainTextResponse("ok"), (*LOOPBACK, "0.0.0.0"))

    async def ask() -> int:
        transport = httpx.ASGITransport(guard)
        async with httpx.AsyncClient(transport=transport, base_url="http://any") as client:
            return (await client.get("/", headers={"host": host})).status_code

    with ThreadPoolExecutor(1) as pool:  # a browser of other tests has a loop in this thread
        assert pool.submit(asyncio.run, ask()).result() == status


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({}, False),  # a program
        ({"origin": "{own}"}, False),
        ({"sec-fetch-site": "same-origin"}, False),
        ({"origin": "null"}, True),  # a sandboxed frame, a file
        ({"origin": "http://["}, True),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "{own}.evil.example"}, True),
        ({"sec-fetch-site": "cross-site"}, True),
        ({"sec-fetch-site": "same-site"}, True),
    ],
)
def test_a_post_must_come_from_this_page_or_from_a_program(
    shared_site: Site, headers: dict[str, str], is_refused: bool
) -> None:
    sent = {name: value.format(own=shared_site.address) for name, value in headers.items()}
    body = {"song": "00000000", "genre": "hums"}
    answer = shared_site.post("/api/decisions", headers=sent, json=body)
    assert (answer.status_code == 403) is is_refused


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/nothing", "/static/app.js", "/metrics"])
def test_a_browser_may_load_nothing_from_elsewhere(shared_site: Site, path: str) -> None:
    headers = shared_site.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2f..%2fsettings.py"]
)
def test_no_file_beside_the_static_ones_is_sent(shared_site: Site, path: str) -> None:
    assert shared_site.get(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("GET", "/api/songs?limit=many", "", "limit"),
        ("GET", f"/api/songs?offset={2**63}", "", "offset"),
        ("DELETE", f"/api/decisions/{2**63}", "", "decision_id"),
        ("POST", "/api/decisions", '{"song": "\\ud800", "genre": 1}', "song"),
        ("POST", "/api/decisions", "{", "1"),
    ],
)
def test_a_value_that_does_not_fit_is_named_in_a_sentence(
    shared_site: Site, method: str, path: str, body: str, named: str
) -> None:
    address = shared_site.address + path
    answer = httpx.request(method, address, content=body, headers={"content-type": JSON})
    assert (answer.status_code, list(answer.json())) == (422, ["error"])
    assert answer.json()["error"].startswith(f"{named}: ")


def test_a_disk_that_takes_no_more_is_told_in_a_sentence(shared_site: Site) -> None:
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, former[1]))
    try:
        answer = shared_site.post("/dropped/upload?drop=full-disk", content=bytes(2 << 20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert answer.status_code == 507
    assert "A disk of the server allows no file of that size." in answer.text


def test_a_home_that_cannot_be_written_to_is_no_run_at_work() -> None:
    state = WebState(config=Settings(home=Path("/proc/nowhere")))
    with pytest.raises(HTTPException) as refused, state.explaining_refusals():
        raise disk_error(state.layout, errno.EROFS)
    assert refused.value.detail.startswith("The disk of the home cannot be written to.")
    state.close()


@pytest.mark.parametrize("path", ["/api/decisions", "/api/classify", "/dropped/place"])
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_document_or_form_of_more_than_a_mebibyte_is_refused(
    shared_site: Site, path: str, is_declared: bool
) -> None:
    kind = "application/x-www-form-urlencoded" if path.startswith("/dropped") else JSON
    body = b"a" * (1 << 20) + b"b"
    content = body if is_declared else iter([body])
    answer = shared_site.post(path, content=content, headers={"content-type": kind})
    is_refused_by_length = path == "/api/classify" and not is_declared
    assert answer.status_code == (411 if is_refused_by_length else 413)


def test_a_body_that_comes_too_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.1)
    monkeypatch.setattr(bodies, "LEAST_RATE", 100)
    scope = {"type": "http", "path": "/dropped/upload", "headers": []}

    async def receive_slowly() -> Message:
        await asyncio.sleep(0.06)
        return {"type": "http.request", "body": b"1", "more_body": True}

    received: list[Message] = []

    async def read() -> None:
        receive = bodies.bounded(scope, receive_slowly)
        while len(received) < 100:
            received.append(await receive())

    # Playwright runs a loop in this thread
    with ThreadPoolExecutor(1) as pool, pytest.raises(HTTPException, match="too slowly"):
        pool.submit(asyncio.run, read()).result()
    assert len(received) < 5

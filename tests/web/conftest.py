"""A server of the page, and real browsers that look at it."""

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import httpx
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

from flows.settings import Settings
from flows.web.app import make_app
from flows.web.drops import Drops

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PICTURES = Path(__file__).resolve().parents[2] / "build" / "pictures"
DESKTOP, PHONE = (1400, 900), (390, 844)
LONGEST_WAIT_MS = 20_000


@dataclass(frozen=True)
class Site:
    """A server of the page for one home."""

    address: str
    config: Settings
    drops: Drops

    def kept_files(self) -> set[Path]:
        """Files of the songs that are dropped on it."""
        return set(self.drops.folder.glob("*/**/*")) if self.drops.folder else set()

    def get(self, path: str, **options: object) -> httpx.Response:
        """Answer of a GET request."""
        return httpx.get(self.address + path, timeout=60, **options)

    def post(self, path: str, **options: object) -> httpx.Response:
        """Answer of a POST request."""
        return httpx.post(self.address + path, timeout=60, **options)


@dataclass
class Visit:
    """A page of a browser, and the requests that it sent elsewhere; there must be none."""

    page: Page
    outside: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def check_accessible(self) -> None:
        """Assert that axe-core finds nothing serious or critical."""
        # what axe would preload for one of its rules are inline styles, which are blocked
        options = {"resultTypes": ["violations"], "preload": False}
        found = Axe().run(self.page, options=options)
        serious = [
            v for v in found.response["violations"] if v["impact"] in ("serious", "critical")
        ]
        assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in serious] == []

    def check_fits(self) -> None:
        """Assert that the page is not wider than the window."""
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.page.evaluate(wide) <= 0

    def picture(self, name: str) -> None:
        """Keep a picture of the page for the documents, in build/pictures."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def set_settings(monkeypatch: pytest.MonkeyPatch, **fragments: str) -> None:
    """Give commands that a page starts the settings of the finished home."""
    for name, text in {
        "NETWORKS": '["dense", "cnn"]',
        "REPRESENTATIONS": '["thesis"]',
        "FRAGMENT_LENGTHS_S": "[1.0, 1.5]",
        "TRAINING__MAX_EPOCHS": "3",
        "FRAGMENTS__PROTOCOL": "thesis",
        "FRAGMENTS__N_FRAGMENTS": "3",
        "FRAGMENTS__LONGEST_S": "1.5",
        **{f"FRAGMENTS__{name}": text for name, text in fragments.items()},
    }.items():
        monkeypatch.setenv(f"GENREFLOW_{name}", text)


@contextmanager
def serving(config: Settings, **options: object) -> Iterator[Site]:
    """Serve the page of a home on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = make_app(config, **options)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            drops = app.app.state.web.drops
            yield Site(f"http://127.0.0.1:{listener.getsockname()[1]}", config, drops)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def shared_site(finished: Settings) -> Iterator[Site]:
    """The page of the finished home, to be read only."""
    with serving(finished) as site:
        yield site


@pytest.fixture
def own_site(finished_copy: Settings) -> Iterator[Site]:
    """The page of a home of its own, that a test may change."""
    with serving(finished_copy) as site:
        yield site


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's browser; `apt install chromium` brings it."""
    program = next(filter(None, map(shutil.which, CHROMIUM)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


Visitor = Callable[..., Visit]


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visitor]:
    """Open an address in a new browser; whatever it requests elsewhere, or logs as error, fails."""
    opened: list[tuple[BrowserContext, Visit]] = []

    def go(address: str, size: tuple[int, int] = DESKTOP, **options: object) -> Visit:
        width, height = size
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(LONGEST_WAIT_MS)
        seen = Visit(context.new_page())
        own = "/".join(address.split("/")[:3])

        def note(request: Request) -> None:
            if not request.url.startswith((own, "data:", "blob:")):
                seen.outside.append(request.url)

        seen.page.on("request", note)
        seen.page.on("pageerror", lambda error: seen.faults.append(str(error)))
        seen.page.on(
            "console",
            lambda message: seen.faults.append(message.text) if message.type == "error" else None,
        )
        opened.append((context, seen))
        seen.page.goto(address)
        return seen

    yield go
    for context, seen in opened:
        context.close()
        assert (seen.outside, seen.faults) == ([], [])

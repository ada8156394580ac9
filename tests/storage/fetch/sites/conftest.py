"""The made-up music site, and songs fetched from it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from genre_core.records import Source, Track
from storage.fetch.download import fetch_song
from storage.fetch.limits import Clock, DownloadLimits
from storage.fetch.sites.access import Access
from storage.home import DataLayout
from storage.sources.identity import identify
from tests.storage.fetch.sites.music_site import MusicSite, open_music_site

Fetch = Callable[..., Track]


@pytest.fixture
def site() -> Iterator[MusicSite]:
    with open_music_site() as music_site:
        yield music_site


@pytest.fixture
def song(sweep_mp3: Path) -> bytes:
    return sweep_mp3.read_bytes()


@pytest.fixture
def fetch(layout: DataLayout) -> Fetch:
    """Fetch a page: ``fetch(url, access, max_attempts=2)``; waits cost nothing."""

    def fetch_page(url: str, access: Access | None = None, **limits: float) -> Track:
        chosen = DownloadLimits(**{"timeout_s": 2.0, "max_attempts": 1, **limits})
        source = identify(Source(location=url, genre="rock"))
        return fetch_song(source, layout, chosen, Clock(sleep=lambda _: None), access)

    return fetch_page

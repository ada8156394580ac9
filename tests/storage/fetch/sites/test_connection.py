"""Where a page may lead: to the internet, and to the address that the user named.

These tests fail if yt-dlp no longer sends its requests through the handler of `CheckedRH`.
"""

from collections.abc import Iterator

import pytest

from genre_core.errors import TrackRejected
from genre_core.records import Source
from storage.fetch import addresses
from storage.fetch.limits import Clock, DownloadLimits
from storage.fetch.sites.access import Access
from storage.sources.listing import expand_pages
from tests.storage.fetch.conftest import outcome_of
from tests.storage.fetch.sites.conftest import Fetch
from tests.storage.fetch.sites.music_site import MusicSite, serve

PAGE, MEDIA = "/api/track/one", "/media/one.mp3"


@pytest.fixture
def neighbour() -> Iterator[MusicSite]:
    """Another server inside, that the user has not named."""
    with serve(MusicSite("127.0.0.2")) as site:
        yield site


@pytest.fixture
def page(site: MusicSite, neighbour: MusicSite, song: bytes) -> str:
    """A song that both servers have; the address of its page."""
    neighbour.add_track("one", song)
    return site.add_track("one", song)


@pytest.mark.parametrize("path", [PAGE, MEDIA])
def test_a_redirect_of_a_page_to_a_private_address_is_refused(
    fetch: Fetch, site: MusicSite, neighbour: MusicSite, page: str, path: str
) -> None:
    site.redirects = {path: "/again", "/again": f"{neighbour.url}{path}"}

    assert outcome_of(fetch, page) == "quarantined forbidden"
    assert neighbour.asked == []


def test_a_page_may_lead_to_the_named_address_and_by_a_setting_to_others(
    fetch: Fetch, site: MusicSite, neighbour: MusicSite, page: str
) -> None:
    site.redirects[MEDIA] = f"{site.url}/media/two.mp3"
    site.files["/media/two.mp3"] = site.files[MEDIA]
    fetch(page)
    site.redirects[MEDIA] = f"{neighbour.url}{MEDIA}"
    fetch(page, allow_private=True)

    assert site.asked == [PAGE, MEDIA, "/media/two.mp3", PAGE, MEDIA]
    assert neighbour.asked == [MEDIA]


def test_a_proxy_looks_up_names_and_written_addresses_are_checked(
    fetch: Fetch, site: MusicSite, neighbour: MusicSite, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", site.url)
    form = site.pages[PAGE]["formats"][0]
    form["url"] = f"http://songs.test{MEDIA}"
    fetch(page)
    form["url"] = f"{neighbour.url}{MEDIA}"

    with pytest.raises(TrackRejected, match=r"127\.0\.0\.2, no public address"):
        fetch(page)

    assert site.asked == [PAGE, MEDIA, PAGE]


def test_a_song_of_a_list_that_lies_at_a_private_address_is_left_out(
    site: MusicSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"127.0.0.1": ["127.0.0.1"], "soundcloud.com": ["10.0.0.1"]}
    monkeypatch.setattr(addresses, "resolve_host", places.__getitem__)
    inside = "https://soundcloud.com/an-artist/a-song"
    url = site.add_set("best", {"url": "/track/one"}, {"url": inside})

    opened = expand_pages(
        [Source(location=url, genre="rock")], Access(), DownloadLimits(max_attempts=1), Clock()
    )

    assert [source.location for source in opened.sources] == [f"{site.url}/track/one"]
    assert [(o.location, str(o.reason)) for o in opened.outcomes] == [(inside, "forbidden")]

"""Lists on music sites: every song becomes a source, and no list is lost."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from genre_core.records import Source
from storage.fetch.limits import Clock, DownloadLimits
from storage.fetch.sites.access import Access, Circuits, SiteConfig
from storage.sources.listing import Expanded, expand_pages
from tests.storage.fetch.sites.conftest import Fetch
from tests.storage.fetch.sites.music_site import MusicSite

Open = Callable[..., Expanded]


@pytest.fixture
def open_lists() -> Open:
    """Open lists: ``open_lists(url, url, access=…)``; each is of the genre rock and CC0."""

    def expand(*urls: str, access: Access | None = None, max_attempts: int = 1) -> Expanded:
        rows = [Source(location=url, genre="rock", licence="CC0") for url in urls]
        limits = DownloadLimits(timeout_s=2.0, max_attempts=max_attempts)
        return expand_pages(rows, access or Access(), limits, Clock(sleep=lambda _: None))

    return expand


def test_a_list_becomes_its_songs_with_their_tags(open_lists: Open, site: MusicSite) -> None:
    url = site.add_set(
        "best",
        {"url": "/track/one", "id": "1", "title": "The one", "uploader": "Ada"},
        {"url": "/track/two", "id": "2"},
    )

    opened = open_lists(url)

    plain = Source(location=f"{site.url}/track/two", genre="rock", licence="CC0", site="madeup")
    tagged = replace(plain, location=f"{site.url}/track/one", artist="Ada", title="The one")
    assert opened.sources == (
        replace(tagged, source_id="madeup 1"),
        replace(plain, source_id="madeup 2"),
    )
    assert (opened.outcomes, opened.lists) == ((), (url,))
    assert site.asked == ["/api/set/best"]


def test_lists_inside_lists_are_opened_once(open_lists: Open, site: MusicSite) -> None:
    site.add_set("inner", {"url": "/track/two", "id": "2"}, {"url": "/set/outer"})
    site.add_set("other", {"url": "/track/three", "id": "3"})
    url = site.add_set(
        "outer", {"url": "/track/one", "id": "1"}, {"url": "/set/inner"}, {"url": "/set/inner"},
        {"url": "/set/other"},
    )  # fmt: skip

    opened = open_lists(url)

    assert [s.source_id for s in opened.sources] == ["madeup 1", "madeup 2", "madeup 3"]
    assert sorted(site.asked) == ["/api/set/inner", "/api/set/other", "/api/set/outer"]


def test_endless_lists_end_at_some_depth(open_lists: Open, site: MusicSite) -> None:
    for number in range(9):
        site.add_set(str(number), {"url": f"/track/{number}"}, {"url": f"/set/{number + 1}"})

    opened = open_lists(f"{site.url}/set/0")

    assert len(opened.sources) == 4
    (outcome,) = opened.outcomes
    assert (outcome.location, outcome.reason) == (f"{site.url}/set/4", "too_large")


@pytest.mark.parametrize("leads_to", ["/track/one", "/set/best"])
def test_a_page_that_only_the_site_knows_is_asked_for(
    open_lists: Open, site: MusicSite, song: bytes, leads_to: str
) -> None:
    site.add_track("one", song, id="1")
    site.add_set("best", {"url": "/track/one", "id": "1"})
    site.pages["/api/page/x"] = {"leads_to": leads_to}

    opened = open_lists(f"{site.url}/page/x")

    assert [source.source_id for source in opened.sources] == ["madeup 1"]


def test_a_song_without_a_page_of_its_own_is_fetched_from_its_list(
    open_lists: Open, fetch: Fetch, site: MusicSite, song: bytes
) -> None:
    site.add_track("two", song)
    form = site.pages["/api/track/two"]["formats"][0]
    url = site.add_set(
        "best",
        {"id": "1", "title": "one", "formats": [{**form, "url": "/media/gone.mp3"}]},
        {"id": "2 b", "title": "two", "formats": [form]},
    )

    opened = open_lists(url)
    track = fetch(opened.sources[1].location)

    assert [s.source_id for s in opened.sources] == ["madeupset 1", "madeupset 2 b"]
    places = [s.location.removeprefix(f"{url}#") for s in opened.sources]
    assert places == ["madeupset%201", "madeupset%202%20b"]
    assert track.title == "two"


def test_an_entry_that_leaves_all_sites_is_rejected(open_lists: Open, site: MusicSite) -> None:
    url = site.add_set("best", {"url": "http://10.0.0.1/song.mp3"}, {"url": "/track/one"})

    opened = open_lists(url)

    assert [source.location for source in opened.sources] == [f"{site.url}/track/one"]
    (outcome,) = opened.outcomes
    assert outcome.location == "http://10.0.0.1/song.mp3"
    assert (outcome.result, outcome.reason) == ("quarantined", "forbidden")


@pytest.mark.parametrize(
    ("status", "result", "reason"),
    [(500, "retryable", "unreachable"), (404, "quarantined", "not_found")],
)
def test_a_list_that_cannot_be_opened_stays_and_the_others_go_on(
    open_lists: Open, site: MusicSite, status: int, result: str, reason: str
) -> None:
    broken = site.add_set("broken", {"url": "/track/one"})
    fine = site.add_set("fine", {"url": "/track/two"})
    site.refuse("/api/set/broken", status)

    opened = open_lists(broken, fine)

    assert [source.location for source in opened.sources] == [f"{site.url}/track/two"]
    (outcome,) = opened.outcomes
    assert (outcome.location, outcome.stage) == (broken, "sources")
    assert (outcome.result, outcome.reason) == (result, reason)
    assert str(status) in outcome.message
    assert opened.lists == (fine,)


def test_a_list_that_breaks_off_keeps_its_songs(open_lists: Open, site: MusicSite) -> None:
    url = site.add_set("long", {"url": "/track/one"}, {"next": "/api/more"})
    site.refuse("/api/more", 503)

    opened = open_lists(url)

    assert [source.location for source in opened.sources] == [f"{site.url}/track/one"]
    assert [str(outcome.result) for outcome in opened.outcomes] == ["retryable"]


def test_a_broken_list_inside_leaves_the_rest_intact(open_lists: Open, site: MusicSite) -> None:
    inner = site.add_set("inner")
    site.refuse("/api/set/inner", 500)
    url = site.add_set("outer", {"url": "/set/inner"}, {"url": "/track/one"})

    opened = open_lists(url)

    assert [source.location for source in opened.sources] == [f"{site.url}/track/one"]
    assert [(o.location, str(o.result)) for o in opened.outcomes] == [(inner, "retryable")]
    assert opened.lists == (url,)


def test_an_empty_list_says_so(open_lists: Open, site: MusicSite) -> None:
    (outcome,) = open_lists(site.add_set("empty")).outcomes

    assert (outcome.result, outcome.reason) == ("quarantined", "not_found")
    assert "without a song" in outcome.message


def test_a_list_is_asked_for_again_before_it_is_given_up(open_lists: Open, site: MusicSite) -> None:
    url = site.add_set("best", {"url": "/track/one"})
    site.refuse("/api/set/best", 503, 503, 200)

    assert len(open_lists(url, max_attempts=3).sources) == 1


def test_a_site_whose_lists_fail_is_given_up(open_lists: Open, site: MusicSite) -> None:
    urls = [site.add_set(str(number)) for number in range(4)]
    for number in range(4):
        site.refuse(f"/api/set/{number}", 500)
    access = Access(config=SiteConfig(failures_to_open=2), circuits=Circuits(2))

    opened = open_lists(*urls, access=access)

    assert site.asked == ["/api/set/0", "/api/set/1"]
    reasons = [str(outcome.reason) for outcome in opened.outcomes]
    assert reasons == ["unreachable"] * 2 + ["site_broken"] * 2
    assert "answers 500" in access.circuits.given_up["madeup"]


def test_files_and_direct_addresses_are_no_lists(open_lists: Open) -> None:
    opened = open_lists("/music/a.mp3", "https://Example.org/a.mp3", "/music/a.mp3")

    assert [(s.source_id, s.site) for s in opened.sources] == [
        ("/music/a.mp3", ""),
        ("https://example.org/a.mp3", ""),
    ]
    assert opened.n_again == 1

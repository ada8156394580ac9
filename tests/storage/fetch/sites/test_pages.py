"""Which addresses are pages of music sites, and which songs they are; nothing is asked for."""

from pathlib import Path

import pytest

from genre_core.records import Source
from storage.fetch.sites.pages import find_page
from storage.sources.identity import host_of, identify, normalise_url


@pytest.mark.parametrize(
    ("url", "site", "is_song"),
    [
        ("https://soundcloud.com/an-artist/a-song", "soundcloud", True),
        ("https://soundcloud.com/an-artist/sets/a-set", "soundcloud", False),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "youtube", True),
        ("https://www.youtube.com/playlist?list=PLrAXtmErZgOeiKm4sgNOknGv", "youtube", None),
        ("https://artist.bandcamp.com/track/a-song", "bandcamp", True),
        ("https://artist.bandcamp.com/album/an-album", "bandcamp", False),
    ],
)  # fmt: skip
def test_pages_of_well_known_sites_are_known(url: str, site: str, is_song: bool | None) -> None:
    page = find_page(url)

    assert page is not None
    assert (page.site, page.is_song) == (site, is_song)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a.mp3",
        "https://soundcloud.com/an-artist/a-song.mp3",
        "https://example.org/listen?id=3",
        "ftp://example.org/a",
        "http://[::1/a",
        "/music/a.mp3",
    ],
)
def test_other_addresses_are_no_pages(url: str) -> None:
    assert find_page(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://youtu.be/dQw4w9WgXcQ",
        "https://music.youtube.com/watch?v=dQw4w9WgXcQ&feature=share",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ&list=PLrAXtmErZgOeiKm4sgNOknGv&index=2",
        "https://www.youtube.com/watch?list=RDdQw4w9WgXcQ&v=dQw4w9WgXcQ",
        "https://youtu.be/dQw4w9WgXcQ?list=PLrAXtmErZgOeiKm4sgNOknGv",
    ],
)
def test_a_song_has_one_id_on_all_pages_that_tell_it(url: str) -> None:
    source = identify(Source(location=url, genre="pop"))

    assert (source.source_id, source.site) == ("youtube dQw4w9WgXcQ", "youtube")


def test_a_page_that_tells_only_a_name_is_known_by_its_address() -> None:
    here = identify(Source(location="https://a.bandcamp.com/track/intro", genre="pop"))
    there = identify(Source(location="https://b.bandcamp.com/track/intro", genre="pop"))

    assert here.source_id == "https://a.bandcamp.com/track/intro"
    assert there.source_id == "https://b.bandcamp.com/track/intro"


def test_a_link_to_a_file_has_the_id_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "song.wav").touch()
    (tmp_path / "link.wav").symlink_to(tmp_path / "song.wav")

    linked = identify(Source(location=str(tmp_path / "link.wav"), genre="hums"))

    assert linked.source_id == str((tmp_path / "song.wav").resolve())


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTP://Example.ORG:80/a", "http://example.org/a"),
        ("https://example.org:443", "https://example.org/"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        ("https://me:secret@example.org/a#t=3", "https://example.org/a"),
        ("https://example.org/%7Ea/b%2fc%e2%82%ac", "https://example.org/~a/b%2Fc%E2%82%AC"),
        ("https://example.org/a b€", "https://example.org/a%20b%E2%82%AC"),
        ("https://example.org/a?Id=3&x=%41", "https://example.org/a?Id=3&x=A"),
        ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
        ("http://[::1]:80/a", "http://[::1]/a"),
        ("http://[::1/a", "http://[::1/a"),
    ],
)
def test_spellings_of_one_address_have_one_form(url: str, normal: str) -> None:
    assert normalise_url(url) == normal
    assert normalise_url(normal) == normal


def test_the_server_of_an_address_has_its_port_and_no_credentials() -> None:
    assert host_of("https://me:secret@Example.org:8080/a") == "example.org:8080"
    assert host_of("https://me:secret@example.org:8080x/a") == "example.org:8080x"
    assert host_of("https://me:secret＠example.org/a") == ""
    assert host_of("/music/a.mp3") == ""

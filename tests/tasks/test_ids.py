"""Songs that are known by their ids before anything is fetched: copies, conflicts, archives."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.catalog.connection import fetch_rows, open_catalog
from storage.fetch.sites.access import SiteConfig, open_access
from storage.home import DataLayout
from tests.storage.fetch.sites.music_site import MusicSite, open_music_site
from tests.tasks.steps import ingest_listing, outcomes

pytestmark = pytest.mark.usefixtures("quiet_runs")


@pytest.fixture
def site() -> Iterator[MusicSite]:
    with open_music_site() as music_site:
        yield music_site


@pytest.fixture
def song(library: Path) -> bytes:
    return (library / "hums" / "song 2.mp3").read_bytes()


@pytest.fixture
def other(library: Path) -> bytes:
    return (library / "hiss" / "song 2.mp3").read_bytes()


def write(folder: Path, *rows: tuple[str, str]) -> Path:
    manifest = folder / "manifest.csv"
    lines = [f'"{url}",{genre}' for url, genre in rows]
    manifest.write_text("\n".join(["url,genre", *lines]), encoding="utf-8")
    return manifest


def test_a_song_in_two_lists_is_fetched_once(
    layout: DataLayout, tmp_path: Path, site: MusicSite, song: bytes
) -> None:
    site.add_track("one", song)
    site.add_track("one-again", song)
    first = site.add_set("a", {"url": "/track/one", "id": "1"})
    second = site.add_set("b", {"url": "/track/one-again", "id": "1"})

    ingest_listing(layout, write(tmp_path, (first, "jazz"), (second, "jazz")))

    assert outcomes(layout) == {
        "one": ("jazz", "ok", ""),
        "one-again": ("jazz", "duplicate", "duplicate_id"),
    }
    assert "/media/one-again.mp3" not in site.asked


def test_a_song_in_lists_of_two_genres_waits_until_they_agree(
    layout: DataLayout, tmp_path: Path, site: MusicSite, song: bytes
) -> None:
    site.add_track("one", song)
    first = site.add_set("a", {"url": "/track/one", "id": "1"})
    second = site.add_set("b", {"url": "/track/one", "id": "1"})

    ingest_listing(layout, write(tmp_path, (first, "jazz"), (second, "rock")))
    disputed = outcomes(layout)
    ingest_listing(layout, write(tmp_path, (first, "rock"), (second, "rock")))

    assert disputed == {"one": ("jazz, rock", "quarantined", "label_conflict")}
    assert outcomes(layout) == {"one": ("rock", "ok", "")}


def test_a_song_that_comes_later_under_another_genre_stops_the_first_one_too(
    layout: DataLayout, tmp_path: Path, site: MusicSite, song: bytes
) -> None:
    site.add_track("one", song)
    site.add_track("again", song)
    first = site.add_set("a", {"url": "/track/one", "id": "1"})
    second = site.add_set("b", {"url": "/track/again", "id": "1"})
    ingest_listing(layout, write(tmp_path, (first, "jazz")))

    ingest_listing(layout, write(tmp_path, (second, "rock")))
    ingest_listing(layout, write(tmp_path, (second, "rock")))
    disputed = outcomes(layout)
    ingest_listing(layout, write(tmp_path, (second, "jazz")))

    assert disputed == {
        "one": ("jazz", "quarantined", "label_conflict"),
        "again": ("rock", "quarantined", "label_conflict"),
    }
    assert outcomes(layout) == {
        "one": ("jazz", "ok", ""),
        "again": ("jazz", "duplicate", "duplicate_id"),
    }


def test_a_conflict_ends_when_another_spelling_of_the_address_is_listed_alone(
    layout: DataLayout, tmp_path: Path, site: MusicSite, song: bytes
) -> None:
    site.files["/one.mp3"] = song
    url, spelt = f"{site.url}/one.mp3", f"{site.url.replace('http', 'HTTP')}/one.mp3"
    ingest_listing(layout, write(tmp_path, (url, "jazz")))
    ingest_listing(layout, write(tmp_path, (url, "jazz"), (url, "rock")))
    disputed = outcomes(layout)

    ingest_listing(layout, write(tmp_path, (spelt, "jazz")))

    with open_catalog(layout) as catalog:
        rows = fetch_rows(catalog, "select source, genre, outcome from outcomes order by all")
    assert disputed == {"one.mp3": ("jazz, rock", "quarantined", "label_conflict")}
    assert rows == [
        {"source": spelt, "genre": "jazz", "outcome": "duplicate"},
        {"source": url, "genre": "jazz", "outcome": "ok"},
    ]


def test_a_second_run_changes_nothing(
    layout: DataLayout, tmp_path: Path, site: MusicSite, song: bytes, other: bytes
) -> None:
    site.add_track("one", song)
    site.add_track("two", other)
    site.add_track("again", song)
    entries = [("one", "1"), ("two", "2"), ("again", "1")]
    url = site.add_set("a", *({"url": f"/track/{name}", "id": i} for name, i in entries))
    manifest = write(tmp_path, (url, "jazz"), (f"{site.url}/track/two", "rock"))
    everything = "select * exclude (track_id) from outcomes order by source"
    ingest_listing(layout, manifest)
    with open_catalog(layout) as catalog:
        before = fetch_rows(catalog, everything)

    selected = ingest_listing(layout, manifest)

    with open_catalog(layout) as catalog:
        after = fetch_rows(catalog, everything)
    assert (selected.sources, selected.outcomes) == ((), ())
    assert after == before
    assert len(after) == 3


def test_songs_of_an_archive_are_not_fetched(
    layout: DataLayout, tmp_path: Path, site: MusicSite, song: bytes, other: bytes
) -> None:
    site.add_track("one", song)
    site.add_track("two", other)
    url = site.add_set("a", {"url": "/track/one", "id": "1"}, {"url": "/track/two", "id": "2"})
    archive = tmp_path / "had.txt"
    archive.write_text("madeup 1\n", encoding="utf-8")

    ingest_listing(
        layout,
        write(tmp_path, (url, "jazz")),
        access=open_access(SiteConfig(archive_file=str(archive))),
    )

    assert outcomes(layout) == {
        "one": ("jazz", "duplicate", "duplicate_id"),
        "two": ("jazz", "ok", ""),
    }
    assert "/api/track/one" not in site.asked


def test_a_list_that_can_be_opened_again_leaves_no_outcome_of_its_own(
    layout: DataLayout, tmp_path: Path, site: MusicSite, song: bytes
) -> None:
    site.add_track("one", song)
    manifest = write(tmp_path, (site.add_set("a", {"url": "/track/one", "id": "1"}), "jazz"))
    site.refuse("/api/set/a", 500)

    ingest_listing(layout, manifest)
    broken = outcomes(layout)
    site.refuse("/api/set/a", 200)
    ingest_listing(layout, manifest)

    assert broken == {"a": ("jazz", "retryable", "unreachable")}
    assert outcomes(layout) == {"one": ("jazz", "ok", "")}

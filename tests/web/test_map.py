"""The map in a real browser: names, excerpts, filter, search, keyboard, phone, table."""

import re
from collections.abc import Iterator
from dataclasses import replace
from math import cos, sin

import pytest
from playwright.sync_api import Page, expect

from flows.settings import Settings
from flows.web.shown_predictions import find_precision
from genre_core.records import counted
from storage.catalog.extraction import SongEmbedding, record_extraction, record_features
from storage.catalog.library import read_library
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.catalog.song_map import read_map
from tasks.song_map import draw_map
from tests.catalogs import in_catalog
from tests.conftest import copy_home
from tests.tasks.test_song_map import FEATURES, KEY
from tests.web.conftest import PHONE, Site, Visit, Visitor, serving

pytestmark = [pytest.mark.flow, pytest.mark.keras, pytest.mark.browser]


@pytest.fixture(scope="module")
def map_site(finished: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page of the finished home, whose songs have embeddings, and of which one is new."""
    layout = copy_home(finished.layout, tmp_path_factory.mktemp("map") / "home")
    ids = [song.track_id for song in read_library(layout)]
    in_catalog(layout, record_features, {KEY: FEATURES})
    rows = [
        SongEmbedding(
            track_id=track_id, feature_key=KEY, embedding=(cos(n), sin(n)), tag_logits=(0.0,)
        )
        for n, track_id in enumerate(ids[1:])
    ]
    in_catalog(layout, record_extraction, [], [], [], rows)
    draw_map.fn(layout, [FEATURES])
    publish(layout)
    with serving(replace(finished, home=layout.home)) as site:
        yield site


@pytest.fixture
def mapped(map_site: Site, visit: Visitor) -> Visit:
    seen = visit(f"{map_site.address}/map")
    _wait_for_map(seen.page)
    return seen


def _wait_for_map(page: Page) -> None:
    page.wait_for_selector("#map-canvas[data-ready]")


def _songs(site: Site) -> list[dict[str, str]]:
    statement = "select track_id, title, genre from tracks join song_map using (track_id)"
    return query_rows(site.config.layout, f"{statement} order by title")


def _middle(page: Page) -> tuple[float, float]:
    box = page.locator("#map-canvas").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _go_to(page: Page, title: str) -> None:
    """Search for a song; Enter moves the map so that it lies in the middle."""
    page.fill("#map-search", title)
    page.press("#map-search", "Enter")
    page.wait_for_timeout(100)


def test_a_song_without_an_embedding_is_in_the_table_and_not_on_the_map_yet(
    map_site: Site,
) -> None:
    points = map_site.get("/map/points.json").json()
    embedded = query_rows(map_site.config.layout, "select track_id from song_embeddings")
    assert sorted(points["id"]) == sorted(row["track_id"][:16] for row in embedded)
    assert set(points["x"] + points["y"]) <= set(range(10_000))
    page = map_site.get("/map").text
    assert "1 song is not on the map yet" in page
    assert page.count("not on the map yet") == 2


def test_a_home_without_embeddings_says_how_it_gets_a_map(shared_site: Site) -> None:
    page = shared_site.get("/map").text
    assert "Put <code>musicnn</code> among the <code>representations</code>" in page
    assert "<canvas" not in page


def test_the_map_says_how_often_such_a_prediction_was_right_as_the_page_of_the_song_does(
    map_site: Site,
) -> None:
    layout = map_site.config.layout
    song = next(song for song in read_map(layout) if song.confidence is not None)
    sentence = find_precision(layout, song.confidence or 0.0).sentence

    assert sentence in map_site.get(f"/map/songs/{song.track_id}").text


def test_pointing_at_a_song_names_it_and_a_click_plays_it(map_site: Site, mapped: Visit) -> None:
    page, song = mapped.page, _songs(map_site)[0]
    mapped.picture("map")
    _go_to(page, song["title"])
    page.mouse.move(0, 0)
    page.mouse.move(*_middle(page))
    expect(page.locator("#map-tip")).to_contain_text(song["title"])

    page.mouse.click(*_middle(page))

    link = page.locator("#chosen h2 a")
    expect(link).to_contain_text(song["title"])
    expect(link).to_have_attribute("href", f"/songs/{song['track_id']}")
    page.wait_for_function("!document.querySelector('#chosen audio').paused")
    mapped.check_accessible()


def test_genres_and_search_filter_the_map_and_its_table(map_site: Site, mapped: Visit) -> None:
    page, songs = mapped.page, _songs(map_site)
    genre = songs[0]["genre"]
    n_songs = sum(song.label == genre for song in read_library(map_site.config.layout))

    page.check(f"#legend input[value='{genre}']")

    expect(page.locator("#map-table")).to_contain_text(f"of {counted(n_songs, 'song')}")
    expect(page.locator("#map-table .label")).to_have_text([genre] * n_songs)
    page.fill("#map-search", songs[0]["title"])
    expect(page.locator("#map-table tbody tr")).to_have_count(1)
    page.fill("#map-search", "no song is called so")
    expect(page.locator("#map-table")).to_contain_text("No song is like this")


def test_the_keyboard_alone_goes_from_song_to_song_plays_and_zooms(mapped: Visit) -> None:
    page = mapped.page
    page.focus("#map-canvas")
    page.keyboard.press("ArrowRight")
    first = page.inner_text("#announcer")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("+")
    page.keyboard.press("0")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#chosen audio")).to_be_visible()
    assert re.search(r".+: \w+", first)


def test_on_a_phone_the_map_fits_pans_by_a_finger_and_is_dark_at_night(
    map_site: Site, visit: Visitor
) -> None:
    seen = visit(f"{map_site.address}/map", PHONE, color_scheme="dark", has_touch=True)
    _wait_for_map(seen.page)
    title = _songs(map_site)[0]["title"]
    _go_to(seen.page, title)
    seen.page.touchscreen.tap(*_middle(seen.page))
    expect(seen.page.locator("#chosen h2")).to_contain_text(title)
    seen.check_fits()
    seen.check_accessible()
    seen.picture("map-phone")


def test_the_table_goes_on_where_it_ends(map_site: Site) -> None:
    songs = map_site.get("/map/table?start=1000000")
    assert songs.status_code == 200
    assert map_site.get("/map/table?start=-1").status_code == 422
    assert map_site.get("/map/songs/0123456789abcdef").status_code == 404
    assert map_site.get("/map/songs/a").status_code == 404

"""Review: decisions by keys and by buttons, their undo, remedies; nothing is lost."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from flows.settings import Settings
from genre_core.dataset.suspects import Neighbour, Suspect
from storage.catalog.audits import record_suspects, suspect_rows
from storage.catalog.connection import fetch_values, open_catalog
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.catalog.recordings import settle_recordings
from storage.home import DataLayout
from storage.lock import hold_home
from tests.web.conftest import DESKTOP, PHONE, Site, Visitor, serving, set_settings

pytestmark = [pytest.mark.flow, pytest.mark.keras]
SECRET = "opensesame"
QUEUES = ("conflicts", "suspects", "left-out", "decisions")


def _plant(layout: DataLayout) -> None:
    """Make three hums suspects, and one recording of a song of clicks and one of hiss."""
    of = "select track_id from tracks where genre = ? and not is_builtin order by title"
    with open_catalog(layout) as catalog:
        hums, hiss, clicks = (fetch_values(catalog, of, [g]) for g in ("hums", "hiss", "clicks"))
        suspects = [
            Suspect(
                track_id=track_id,
                genre="hums",
                confidence=0.1 * nth,
                predicted="hiss",
                predicted_confidence=0.8,
                neighbours=(Neighbour(track_id=hiss[0], cosine=0.9),),
            )
            for nth, track_id in enumerate(hums[:3], start=1)
        ]
        record_suspects(catalog, "key", suspects)
        catalog.execute("insert into duplicates values (?, ?, 0.95, 0)", [clicks[0], hiss[1]])
        settle_recordings(catalog)
    publish(layout)


@pytest.fixture
def site(
    finished_copy: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """The page of a home with a conflict and three suspects, in a folder for genreflow.toml."""
    monkeypatch.chdir(tmp_path)
    _plant(finished_copy.layout)
    with serving(finished_copy) as served:
        yield served


def _facts(site: Site) -> list[dict[str, object]]:
    statement = "select track_id, genre, duplicate_of from tracks order by track_id"
    return query_rows(site.config.layout, statement)


def _log(site: Site) -> list[tuple[str, bool]]:
    rows = site.get("/api/decisions").json()
    return [(row["genre"], row["undone_at"] is None) for row in rows]


def _tally(page: Page, queue: str) -> str:
    return page.locator(f'.tabs a[href="/review/{queue}"] .tally').inner_text()


@pytest.mark.browser
def test_suspects_are_reviewed_by_keys_and_a_decision_is_undone(site: Site, visit: Visitor) -> None:
    before, names = _facts(site), [row["title"] for row in suspect_rows(site.config.layout)]
    seen = visit(f"{site.address}/review/suspects")
    page, title = seen.page, seen.page.locator("#item-title")
    announcer = page.locator("#announcer")
    seen.picture("review")

    page.keyboard.press("Space")
    page.wait_for_function("!document.querySelector('#desk audio').paused")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('#desk audio').paused")
    page.keyboard.press("s")
    expect(title).to_contain_text(names[1])
    expect(title).to_be_focused()
    page.keyboard.press("2")  # clicks, hiss, hums
    expect(title).to_contain_text(names[2])
    expect(announcer).to_contain_text("is hiss now")
    expect(page.locator("#pages .count")).to_contain_text("3")
    assert (_tally(page, "suspects"), _log(site)) == ("2", [("hiss", True)])
    assert site.get("/api/suspects").json()[0]["title"] == names[0]

    page.keyboard.press("u")
    expect(title).to_contain_text(names[1])
    expect(announcer).to_contain_text("Undid “hiss”")
    assert (_tally(page, "suspects"), _log(site)) == ("3", [("hiss", False)])
    assert _facts(site) == before

    page.locator("#keys").uncheck()
    page.keyboard.press("1")
    page.locator("#item-title").focus()
    page.keyboard.press("1")
    assert _log(site) == [("hiss", False)]


@pytest.mark.browser
def test_a_conflict_is_decided_by_tab_and_enter_and_undone_after_a_restart(
    site: Site, visit: Visitor
) -> None:
    before = _facts(site)
    seen = visit(f"{site.address}/review")
    page = seen.page
    copies = page.locator(".copies li")
    expect(copies).to_have_count(2)
    expect(page.locator(".genre-line")).to_have_text(["clicks", "hiss"])
    assert copies.nth(0).bounding_box()["y"] == copies.nth(1).bounding_box()["y"]

    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "hiss":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#item-title")).to_have_text("No label conflicts")
    expect(page.locator("#item-title")).to_be_focused()
    command = page.locator(".last code").inner_text()
    assert command.startswith("genreflow decide ")
    assert command.endswith(" hiss")

    with serving(site.config) as again:
        log = visit(f"{again.address}/review/decisions").page
        log.get_by_role("button", name="Undo hiss").click()
        expect(log.locator(".log .undone")).to_have_count(1)
        assert _tally(log, "conflicts") == "1"
    assert _facts(site) == before


@pytest.mark.browser
def test_a_remedy_writes_the_setting_and_the_song_comes_back(
    site: Site, visit: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "genreflow.toml"
    settings.write_text("# my music\n[fragments]\nmin_track_s = 4  # no jingles\n")
    seen = visit(f"{site.address}/review/left-out")
    page = seen.page
    short = page.locator("section", has_text="Too short")
    button = short.get_by_role("button", name="Lower the minimum length to 2 s: 1 song comes back")
    short.get_by_text("What this writes").click()
    expect(short.locator(".diff .gone")).to_have_text("-min_track_s = 4  # no jingles")
    expect(short.locator(".diff .added").first).to_have_text("+min_track_s = 2.0  # no jingles")
    seen.picture("review-left-out")
    set_settings(monkeypatch)
    button.click()
    expect(page.locator("#retry")).to_contain_text("Tried 1 song again", timeout=60_000)
    expect(short).to_have_count(0)
    assert settings.read_text().startswith("# my music\n[fragments]\nmin_track_s = 2.0  # no")
    found = query_rows(
        site.config.layout, "select outcome from outcomes where source like '%short.wav'"
    )
    assert found == [{"outcome": "ok"}]


@pytest.mark.browser
def test_every_queue_fits_a_phone_and_is_accessible(site: Site, visit: Visitor) -> None:
    site.post("/api/decisions", json={"song": suspect_rows(site.config.layout)[0]["track_id"],
                                      "genre": "hums"})  # fmt: skip
    for queue in QUEUES:
        for size, scheme in ((PHONE, "dark"), (DESKTOP, "light")):
            seen = visit(f"{site.address}/review/{queue}", size, color_scheme=scheme)
            seen.check_fits()
            seen.check_accessible()


def test_a_home_in_use_gives_a_sentence_and_loses_nothing(site: Site) -> None:
    before = _facts(site)
    song = suspect_rows(site.config.layout)[0]["track_id"]
    form = {"queue": "suspects", "song": song, "genre": "hiss"}
    site.post("/review/decide", data={**form, "genre": "hums"}, headers={"hx-request": "true"})
    with hold_home(site.config.layout):
        answers = [
            site.post(f"/review/{path}", data=data, headers={"hx-request": "true"})
            for path, data in (
                ("decide", form),
                ("undo", {"queue": "suspects"}),
                ("remedy", {"key": "retry-not_found"}),
            )
        ]
    assert [answer.status_code for answer in answers] == [409, 409, 409]
    assert all("A run is writing into this home" in answer.text for answer in answers)
    assert (_facts(site), _log(site)) == (before, [("hums", True)])


@pytest.mark.parametrize(
    ("path", "data", "sentence"),
    [
        ("decide", {"queue": "suspects", "song": "0" * 64, "genre": "hums"}, "has no song"),
        ("decide", {"queue": "suspects", "song": "{song}", "genre": "<b>"}, "&lt;b&gt;"),
        ("undo", {"queue": "suspects"}, "There is no decision to undo."),
        ("undo", {"queue": "suspects", "decision_id": "9"}, "There is no decision 9."),
        ("remedy", {"key": "limits.max_bytes=1"}, "This remedy is not offered any more"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    site: Site, path: str, data: dict[str, str], sentence: str
) -> None:
    song = suspect_rows(site.config.layout)[0]["track_id"]
    sent = {name: value.format(song=song) for name, value in data.items()}
    answer = site.post(f"/review/{path}", data=sent, headers={"hx-request": "true"})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert str(site.config.layout.home) not in answer.text


def test_decisions_are_logged_under_the_name_of_the_password_prompt(site: Site) -> None:
    song = suspect_rows(site.config.layout)[0]["track_id"]
    with serving(site.config, secret=SECRET) as locked:
        for name, genre in (("ada", "hiss"), ("", "clicks")):
            pair = base64.b64encode(f"{name}:{SECRET}".encode()).decode()
            headers = {"authorization": f"Basic {pair}"}
            body = {"song": song, "genre": genre}
            assert locked.post("/api/decisions", json=body, headers=headers).status_code == 201
    rows = site.get("/api/decisions").json()
    assert [(row["genre"], row["who"]) for row in rows] == [("clicks", "unknown"), ("hiss", "ada")]
    assert [row["genres_before"] for row in rows] == [["hiss"], ["hums"]]


def test_a_browser_without_scripts_decides_and_comes_to_the_next_item(site: Site) -> None:
    first, second, _ = (row["track_id"] for row in suspect_rows(site.config.layout))
    data = {"queue": "suspects", "song": first, "genre": "hums", "following": second}
    answer = site.post("/review/decide", data=data)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/review/suspects?item={second}",
    )


def test_a_home_without_songs_says_what_to_do(config: Settings) -> None:
    with serving(config) as empty:
        for path in ("/review", *(f"/review/{queue}" for queue in QUEUES)):
            assert "genreflow run MUSIC" in empty.get(path).text

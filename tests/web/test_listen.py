"""Listen: songs are dropped, predicted, sorted, saved, corrected, added, and forgotten."""

import base64
import csv
import socket
from dataclasses import replace
from http.client import HTTPConnection
from io import StringIO
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from flows.web.state import N_FETCHERS
from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish
from storage.catalog.query import query_rows
from storage.catalog.removals import find_song
from storage.lock import hold_home
from storage.maintenance.takedown import take_down
from tests.conftest import hiss, hum, write_song
from tests.web.conftest import PHONE, Site, Visit, Visitor, serving

pytestmark = [pytest.mark.flow, pytest.mark.keras, pytest.mark.browser]
DROP = "a-drop-of-songs"
DROP_FILE = """([name, content]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name));
    const options = { dataTransfer: files, bubbles: true, cancelable: true };
    document.getElementById("dropzone").dispatchEvent(new DragEvent("drop", options));
}"""

NOTE_DIALOG = """() => document.getElementById("files").addEventListener("click", (event) => {
    event.preventDefault();
    event.target.dataset.asked = "yes";
})"""
PLAYED_TO = """() => new Promise((go) => {
    const audio = document.getElementById("audio");
    const tell = () => go(audio.currentTime);
    if (audio.paused && audio.currentTime > 0) tell();
    audio.addEventListener("pause", tell, { once: true });
})"""


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three songs that the store does not have, and a file that is none."""
    folder = tmp_path_factory.mktemp("dropped")
    broken = folder / "broken.mp3"
    broken.write_bytes(b"this is no music" * 100)
    return {
        "hum": write_song(folder / "hum.wav", hum, seed=501),
        "other hum": write_song(folder / "other hum.wav", hum, seed=502),
        "hiss": write_song(folder / "hiss.wav", hiss, seed=503, duration_s=7.0),
        "broken": broken,
    }


def drop_file(page: Page, song: Path) -> None:
    """Drop a file as a mouse does."""
    page.evaluate(DROP_FILE, [song.name, base64.b64encode(song.read_bytes()).decode()])


def upload(site: Site, song: Path, name: str = "") -> str:
    """Send a song and wait until it is predicted; return the path of its page."""
    options = {"params": {"drop": DROP, "name": name or song.name}}
    address = site.post("/dropped/upload", content=song.read_bytes(), **options).json()["address"]
    site.get(f"{address}/prediction")
    return address


def test_a_song_is_dropped_and_its_genre_reasons_and_fragments_are_there(
    shared_site: Site, visit: Visitor, songs: dict[str, Path]
) -> None:
    seen = visit(shared_site.address)
    page = seen.page
    drop_file(page, songs["hum"])

    expect(page.locator(".genre-name")).to_have_text("hums")
    expect(page.get_by_text("songs like this").first).to_be_visible()
    expect(page.get_by_role("heading", name="Why hums")).to_be_visible()
    expect(page.locator(".spectrogram .outline")).to_have_count(1)
    expect(page.locator("#similar-title")).to_be_visible()
    expect(page.locator("#announcer")).to_contain_text("hums. ")
    expect(page.locator("#waveform")).to_have_attribute("data-drawn", "yes")
    seen.check_accessible()
    _play_fragment_by_keyboard(page)
    page.get_by_text("The same as a table").click()
    row = page.locator("#timeline tbody tr").first
    expect(row.locator("th")).to_have_text("hums")
    seen.picture("listen-song")


def _play_fragment_by_keyboard(page: Page) -> None:
    fragment = page.locator(".fragment").last
    start_s = float(fragment.get_attribute("data-start") or 0)
    fragment.focus()
    page.keyboard.press("Enter")
    ended_s = page.evaluate(PLAYED_TO)
    assert start_s < ended_s < start_s + 3


def test_several_songs_are_a_table_that_is_sorted_saved_and_forgotten(
    shared_site: Site, visit: Visitor, songs: dict[str, Path]
) -> None:
    seen = visit(shared_site.address, PHONE)
    page = seen.page
    page.set_input_files("#files", list(songs.values()))

    page.wait_for_selector("#songs[data-waiting='0'] tbody tr:nth-child(4)")
    page.get_by_role("button", name="Length").click()
    page.locator("th[aria-sort=ascending]").wait_for()
    page.get_by_role("button", name="Length").click()
    page.locator("th[aria-sort=descending]").wait_for()
    expect(page.locator("tbody th").first).to_have_text("hiss.wav")
    expect(page.locator("td.fault")).to_contain_text("broken.mp3 is no audio file")
    seen.check_fits()
    seen.check_accessible()
    seen.picture("listen-table-phone")

    address = page.get_by_role("link", name="Save as CSV").get_attribute("href")
    rows = list(csv.DictReader(StringIO(shared_site.get(address or "").text)))
    assert rows[0]["song"] == "hiss.wav"
    assert {row["song"]: row["genre"] for row in rows} == {
        "hum.wav": "hums",
        "other hum.wav": "hums",
        "hiss.wav": "hiss",
        "broken.mp3": "",
    }

    page.get_by_role("link", name="broken.mp3").click()
    expect(page.locator("#predicted h2")).to_have_text("No genre")
    seen.check_fits()
    page.go_back()
    page.get_by_role("button", name="Forget these songs").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What genre is it?")


def test_a_song_is_chosen_by_keyboard_alone(
    shared_site: Site, visit: Visitor, songs: dict[str, Path]
) -> None:
    page = visit(shared_site.address).page
    _tab_to(page, "choose")
    page.evaluate(NOTE_DIALOG)
    page.keyboard.press("Enter")
    expect(page.locator("#files")).to_have_attribute("data-asked", "yes")
    page.set_input_files("#files", songs["hiss"])
    expect(page.locator(".genre-name")).to_have_text("hiss")
    page.go_back()
    _tab_to(page, "place")
    page.keyboard.type(str(songs["hum"]))
    page.keyboard.press("Enter")
    expect(page.locator(".genre-name")).to_have_text("hums")


def _tab_to(page: Page, name: str) -> None:
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == name:
            return
    pytest.fail(f"Tab does not reach {name}.")


def test_a_song_of_the_library_is_unknown_and_its_label_is_corrected(
    own_site: Site, visit: Visitor
) -> None:
    layout = own_site.config.layout
    with open_catalog(layout) as catalog:
        catalog.execute("update predictions set unknown = true")
    publish(layout)
    statement = "select track_id, genre from predictions semi join promotions using (run_id)"
    track_id, label = query_rows(layout, f"{statement} where split = 'test'")[0].values()
    seen = visit(f"{own_site.address}/songs/{track_id}")
    page = seen.page

    expect(page.locator(".genre-name")).to_have_text("unknown")
    expect(page.get_by_text("The nearest genres are")).to_be_visible()
    seen.picture("song-unknown")
    other = next(genre for genre in ("clicks", "hiss", "hums") if genre != label)
    page.locator("#genre").select_option(other)
    _set_label_while_another_run_writes(own_site, seen)
    page.get_by_role("button", name="Set the label").click()
    expect(page.locator("#outcome")).to_contain_text(f"The label is {other} now")
    decided = query_rows(layout, "select genre from tracks where track_id = ?", [track_id])
    assert decided == [{"genre": other}]


def test_a_copy_of_a_song_that_the_model_learned_from_says_nothing_of_its_precision(
    shared_site: Site,
) -> None:
    layout, drop = shared_site.config.layout, "a-drop-of-a-copy"
    statement = "select track_id from splits semi join promotions using (snapshot_id)"
    track_id = query_rows(layout, f"{statement} where split = 'train'")[0]["track_id"]
    (song,) = layout.songs.rglob(f"{track_id}.*")
    options = {"params": {"drop": drop, "name": "copy.wav"}}
    address = shared_site.post("/dropped/upload", content=song.read_bytes(), **options).json()

    answer = shared_site.get(f"{address['address']}/prediction").text

    assert "The model learned from this very song" in answer
    assert "songs like this" not in answer
    (row,) = csv.DictReader(StringIO(shared_site.get(f"/dropped.csv?drop={drop}").text))
    assert (row["genre"] != "", row["right_of_10"]) == (True, "")
    assert '<td class="number">–</td>' in shared_site.get(f"/dropped?drop={drop}").text


def test_a_song_whose_file_is_gone_still_has_a_label_to_set(own_site: Site) -> None:
    layout = own_site.config.layout
    (track,) = query_rows(layout, "select track_id from tracks where genre <> '' limit 1")
    for file in layout.songs.glob(f"??/{track['track_id']}.*"):
        file.unlink()
    answer = own_site.get(f"/songs/{track['track_id']}/prediction").text
    assert "Its file is gone" in answer
    assert "Set the label" in answer


def _set_label_while_another_run_writes(site: Site, seen: Visit) -> None:
    with hold_home(site.config.layout):
        seen.page.get_by_role("button", name="Set the label").click()
        expect(seen.page.locator("#outcome")).to_contain_text("A run is writing into this home")
    assert all("409" in fault for fault in seen.faults)
    seen.faults.clear()


def test_a_dropped_song_is_added_under_a_genre_and_taken_down(
    own_site: Site, songs: dict[str, Path]
) -> None:
    address = upload(own_site, songs["hum"])
    answer = own_site.post(f"{address}/add", data={"genre": "hums"}, headers={"hx-request": "true"})

    assert "The song is in your library now, as hums" in answer.text
    (row,) = query_rows(
        own_site.config.layout,
        "select outcome, genre, source from outcomes where source like '%/added/hum-%'",
    )
    assert (row["outcome"], row["genre"]) == ("ok", "hums")
    assert Path(row["source"]).read_bytes() == songs["hum"].read_bytes()
    again = own_site.get(f"{address}/prediction").text
    assert "Your library has this song" in again

    layout = own_site.config.layout
    with hold_home(layout):
        with open_catalog(layout) as catalog:
            added = find_song(catalog, row["source"])
        take_down(layout, added, "asked for", "a tester")
    assert not Path(row["source"]).exists()


def test_whatever_is_dropped_is_a_sentence_without_a_path(
    shared_site: Site, songs: dict[str, Path]
) -> None:
    broken = songs["broken"]
    for name in ("../../x.mp3", "<b>.mp3", "x" * 5000, "\x1b[1m", ""):
        address = upload(shared_site, broken, name)
        for part in ("", "/prediction"):
            answer = shared_site.get(address + part)
            assert answer.status_code == 200
            assert "/tmp" not in answer.text
            assert "<b>" not in answer.text
        assert shared_site.get(f"{address}/why").status_code == 422
        assert shared_site.get(f"/audio{address}").status_code == 404


def test_what_is_too_large_or_gone_or_at_a_private_address_is_refused(shared_site: Site) -> None:
    asked = HTTPConnection(shared_site.address.removeprefix("http://"))
    asked.putrequest("POST", f"/dropped/upload?drop={DROP}")
    asked.putheader("Content-Length", str(1 << 40))
    asked.endheaders()
    assert asked.getresponse().status == 413
    asked.close()
    assert shared_site.get("/dropped/of-nobody").status_code == 404
    for place in ("http://127.0.0.1:9/song.mp3", "file:///etc/passwd", "http://localhost/a.mp3"):
        named = shared_site.post("/dropped/place", data={"drop": DROP, "place": place})
        answer = shared_site.get(f"{named.headers['hx-redirect']}/prediction").text
        assert "No genre" in answer, place


def test_only_users_of_this_machine_may_name_any_path(
    finished: object, library: Path, songs: dict[str, Path], shared_site: Site
) -> None:
    outside, inside = songs["hum"], library / "hums" / "song 0.wav"
    password = ("", "secret")
    with serving(shared_site.config, secret="secret") as site:
        for place, status in ((outside, 403), (Path("/etc/passwd"), 403), (inside, 204)):
            data = {"drop": DROP, "place": str(place)}
            assert site.post("/dropped/place", data=data, auth=password).status_code == status
    data = {"drop": DROP, "place": str(outside)}
    proxied = {"x-forwarded-for": "192.0.2.1"}
    assert shared_site.post("/dropped/place", data=data, headers=proxied).status_code == 403
    assert shared_site.post("/dropped/place", data=data).status_code == 204


def test_slow_addresses_do_not_hold_up_a_song(shared_site: Site, songs: dict[str, Path]) -> None:
    config = shared_site.config
    open_limits = replace(config.limits, allow_private=True)
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        serving(replace(config, limits=open_limits)) as site,
    ):
        place = f"http://127.0.0.1:{silent.getsockname()[1]}/song.mp3"
        for _ in range(2 * N_FETCHERS):
            site.post("/dropped/place", data={"drop": DROP, "place": place})
        answer = site.get(f"{upload(site, songs['hum'])}/prediction").text
        waiting = site.get("/dropped", params={"drop": DROP}).text
    assert "hums" in answer
    assert f'data-waiting="{2 * N_FETCHERS}"' in waiting


def test_what_players_get_of_a_dropped_song_is_not_stored(
    shared_site: Site, songs: dict[str, Path]
) -> None:
    address = upload(shared_site, songs["hum"])
    for part in ("", "/preview", "/peaks"):
        answer = shared_site.get(f"/audio{address}{part}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")

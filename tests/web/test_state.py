"""What requests share: one writer into the home, one list of genres, the exported champion."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flows.settings import Settings
from flows.web.pages import library_styles
from flows.web.state import WebState
from storage.lock import hold_home
from tests.web.conftest import serving


def test_a_second_click_waits_for_the_first_and_is_not_refused(tmp_path: Path) -> None:
    config = Settings(home=tmp_path)
    state = WebState(config=config)
    written: list[str] = []

    def write(name: str) -> None:
        with hold_home(config.layout):
            time.sleep(0.05)
            written.append(name)

    with ThreadPoolExecutor() as clicks:
        list(clicks.map(lambda name: state.write(lambda: write(name)), "abcd"))
    state.close()

    assert sorted(written) == ["a", "b", "c", "d"]


def test_a_home_with_an_exported_champion_alone_takes_songs_and_has_its_genres(
    tmp_path: Path,
) -> None:
    config = Settings(home=tmp_path)
    with serving(config) as site:
        assert "There is no model yet" in site.get("/").text

    config.layout.champion.mkdir()
    document = json.dumps({"genres": ["rock", "folk"]})
    (config.layout.champion / "champion.json").write_text(document, "utf-8")
    with serving(config) as site:
        page = site.get("/").text
    state = WebState(config=config)

    assert "Drop songs here" in page
    assert "There is no model yet" not in page
    assert list(library_styles(state)) == ["folk", "rock"]
    assert library_styles(state)["rock"] == library_styles(state, ["rock"])["rock"]
    state.close()

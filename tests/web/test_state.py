"""What requests share: writes into the home come one after the other."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flows.settings import Settings
from flows.web.state import WebState
from storage.lock import hold_home


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

"""Songs, excerpts and peaks as a player asks for them."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
import soundfile

from flows.settings import Settings
from flows.web.audio import cut_peaks
from flows.web.state import WebState
from genre_core.records import AudioFacts
from storage.audio.previews import PlayedSong
from storage.catalog.query import query_rows
from tests.web.conftest import Site

pytestmark = [pytest.mark.flow, pytest.mark.keras]


def _track(site: Site, codec: str) -> str:
    statement = "select track_id from tracks where codec = ? order by duration_s desc limit 1"
    return query_rows(site.config.layout, statement, [codec])[0]["track_id"]


def test_a_player_may_ask_for_a_part_of_a_file(shared_site: Site) -> None:
    path = f"/audio/songs/{_track(shared_site, 'mp3')}"
    whole = shared_site.get(path)
    part = shared_site.get(path, headers={"range": "bytes=100-199"})
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/mpeg")
    assert (part.status_code, part.content) == (206, whole.content[100:200])


def test_an_excerpt_is_an_mp3_of_the_length_asked_for(shared_site: Site) -> None:
    path = f"/audio/songs/{_track(shared_site, 'flac')}/preview?start_s=1&length_s=2"
    answer = shared_site.get(path)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert soundfile.info(io.BytesIO(answer.content)).duration == pytest.approx(2.0, abs=0.1)


def test_the_peaks_of_a_song_are_numbers_of_at_most_one(shared_site: Site) -> None:
    peaks = shared_site.get(f"/audio/songs/{_track(shared_site, 'mp3')}/peaks").json()
    assert len(peaks) == 1000
    assert 0 < max(peaks) <= 1


def test_waveforms_that_take_long_hold_no_page_back() -> None:
    state, over = WebState(config=Settings()), Event()

    async def ask() -> str:
        waiting = [asyncio.create_task(state.measure(over.wait)) for _ in range(9)]
        await asyncio.sleep(0)
        answer = await asyncio.wait_for(state.answer(lambda: "at once"), 20)
        over.set()
        await asyncio.gather(*waiting)
        return answer

    with ThreadPoolExecutor(1) as pool:  # a browser of other tests has a loop in this thread
        assert pool.submit(asyncio.run, ask()).result() == "at once"
    state.close()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/audio/songs/0123456789abcdef", 404),
        ("/audio/songs/..%2F..%2Fcatalog", 404),
        ("/audio/songs/*", 404),
        ("/audio/songs/0123/preview?start_s=-1", 422),
        ("/audio/songs/0123/preview?length_s=1e9", 422),
    ],
)
def test_what_is_no_song_of_the_library_is_refused(
    shared_site: Site, path: str, status: int
) -> None:
    assert shared_site.get(path).status_code == status


@pytest.mark.parametrize(
    ("name", "duration_s", "n_peaks"),
    [("a.mp3", 1200.0, 1000), ("a.aiff", 300.0, 1000), ("a.aiff", 1200.0, 500)],
)
def test_the_waveform_is_as_long_as_what_a_browser_gets_of_the_song(
    name: str, duration_s: float, n_peaks: int
) -> None:
    facts = AudioFacts(duration_s=duration_s, sample_rate=44_100, channels=2, codec="x")
    song = PlayedSong(name="a", path=Path(name), facts=facts)
    assert len(cut_peaks(song, [0.5] * 1000)) == n_peaks

"""The page over a library of 20,000 songs: first paint of each page, frames of the map, its cost.

``python -m benchmarks.web WORK [SONGS]``; needs Chromium. Rows are made by SQL, as in
`benchmarks.libraries`; nothing is decoded or trained. Each page is opened five times in a new
browser window, the first time after the store was published; the median counts.
"""

import shutil
import socket
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.request import urlopen

import numpy as np

from benchmarks import libraries
from benchmarks.bars import Bar
from benchmarks.homes import fresh
from benchmarks.tables import print_bars
from flows.settings import Settings, read_settings
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import embedding_features
from storage.catalog.connection import open_catalog, registered
from storage.catalog.extraction import record_features
from storage.catalog.publish import publish
from storage.home import DataLayout
from tasks.song_map import draw_map
from tasks.spectrograms import key_features

N_SONGS, N_FEATURES, N_OPENED, N_FRAMES = 20_000, 200, 5, 120
MOST_PAINT_S, LEAST_FRAMES, MOST_MAP_S = 0.5, 30, 30
FEATURES = embedding_features(
    Embedding(
        name="musicnn",
        digest="made",
        sample_rate=16_000,
        window_s=3.0,
        hop_s=3.0,
        n_features=N_FEATURES,
        tags=("made: loud",),
    ),
    6,
)
KEY = next(iter(key_features([FEATURES])))
PAGES = ("/map", "/models", "/nights", "/review", "/songs/{track_id}", "/")
"""The last one loads the champion, of which there is no export here."""

# A run per network; a champion that errs on every fifth song and does not know every twentieth.
FILLED = (
    "insert into snapshots by name select 'made' as snapshot_id, '{key}' as feature_key, "
    "'made' as library_id, (select list_sort(list(distinct genre)) from tracks) as genres, "
    "{size} as n_tracks, {size} as n_examples, 0 as seed",
    "insert into snapshot_tracks by name select 'made' as snapshot_id, track_id, genre, "
    "case when hash(track_id) % 20 < 14 then 'train' when hash(track_id) % 20 < 17 "
    "then 'validation' else 'test' end as split, artist as group_id, 'artist' as split_level "
    "from tracks",
    "insert into assignments by name select * exclude (snapshot_id) from snapshot_tracks",
    "insert into runs by name select 'run ' || n as run_id, 'trial ' || n as trial_id, "
    "'compared' as comparison_id, 'head' as network, 'musicnn' as representation, "
    "3.0 as fragment_s, n as seed, 'made' as snapshot_id, 1000 as n_parameters, 10 as epochs, "
    "0.8 as validation_accuracy, 0.8 as validation_macro_f1, 0.8 as test_macro_f1, "
    "0.8 as test_accuracy, 60.0 as seconds, 'models:/m-' || n as model_uri, now() as started_at, "
    "0.7 as validation_macro_f1_low, 0.9 as validation_macro_f1_high, 0.7 as test_macro_f1_low, "
    "0.9 as test_macro_f1_high from range(8) as numbers(n)",
    "insert into scores select run_id, split, 'macro_f1', '', 0.8, 0.7, 0.9 from runs, "
    "(values ('validation'), ('test')) as splits(split)",
    "insert into scores select run_id, split, 'accuracy', '', 0.8, 0.7, 0.9 from runs, "
    "(values ('validation'), ('test')) as splits(split)",
    "insert into predictions by name select run_id, track_id, split, genre, "
    "if(hash(run_id, track_id) % 5 = 0, genres[1 + (hash(track_id) % 20)::int], genre) "
    "as predicted, 0.8 as probability, [0.05 for g in genres] as probabilities, "
    "0.8 as confidence, hash(track_id) % 20 = 15 as unknown, [genre] as alternatives "
    "from runs join snapshot_tracks using (snapshot_id) join snapshots using (snapshot_id) "
    "where split <> 'train'",
    "insert into promotions by name select 1 as version, 'run 0' as run_id, "
    "'made' as snapshot_id, 0.8 as validation_macro_f1, 'It is the first.' as reason",
    "insert into suspects by name select track_id, '{key}' as feature_key, genre, "
    "0.1 as confidence, 'genre 1' as predicted, 0.8 as predicted_confidence from tracks "
    "where genre <> 'genre 1' order by hash(track_id, 'suspect') limit 100",
    "insert into suspect_neighbours by name select track_id, n as position, neighbour_id, "
    "0.9 as cosine from suspects, (select track_id as neighbour_id, "
    "row_number() over (order by track_id) - 1 as n from tracks limit 3)",
    "insert into nights by name select 'night ' || n as night_id, '' as flow_run_id, "
    "'schedule' as who, now() - n * interval 1 day as started_at, "
    "now() - n * interval 1 day + interval 1 hour as ended_at, 'finished' as outcome, "
    "'' as message from range(400) as numbers(n)",
    "insert into night_steps by name select night_id, row_number() over (partition by night_id) "
    "as position, step, 'finished' as outcome, 'Done.' as message, 60.0 as seconds from nights, "
    "(values ('ingest'), ('extract'), ('train'), ('map'), ('tidy'), ('report')) as steps(step)",
)


def fill_home(layout: DataLayout, n_songs: int) -> None:
    """Fill a new home with songs, embeddings, runs, a champion, suspects and nights."""
    with open_catalog(layout) as catalog:
        record_features(catalog, {KEY: FEATURES})
    for statement in (libraries.TRACKS, libraries.OUTCOMES):
        libraries.run(layout, statement, 0, n_songs, n_songs)
    with open_catalog(layout) as catalog:
        for statement in FILLED:
            catalog.execute(statement.format(key=KEY, size=n_songs))
        rows = catalog.execute("select track_id, genre from tracks order by track_id").fetchall()
        with registered(catalog, "made", _embeddings([genre for _, genre in rows])):
            catalog.execute(
                "insert into song_embeddings select track_id, $1, embedding, [0.0] from "
                "(select track_id, row_number() over (order by track_id) - 1 as n from tracks) "
                "join made using (n)",
                [KEY],
            )


def _embeddings(genres: list[str]) -> Mapping[str, Any]:
    """Return an embedding for each song: around a centre a genre."""
    rng = np.random.default_rng(0)
    names, numbers = np.unique(genres, return_inverse=True)
    centres = rng.normal(size=(len(names), N_FEATURES)) * 0.3
    values = centres[numbers] + rng.normal(size=(len(genres), N_FEATURES))
    return {"n": np.arange(len(genres)), "embedding": list(values.astype(np.float32))}


@contextmanager
def serving(config: Settings) -> Iterator[str]:
    """Serve the page of a home; yield its address."""
    import uvicorn

    from flows.web.app import make_app

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(make_app(config), log_level="warning"))
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def measure(work: Path, n_songs: int = N_SONGS) -> list[Bar]:
    """Measure the page of a made-up library."""
    config = read_settings(home=fresh(work / "web"))
    fill_home(config.layout, n_songs)
    map_s = _cpu_s(lambda: draw_map.fn(config.layout, [FEATURES]))
    publish(config.layout)
    with open_catalog(config.layout) as catalog:
        track_id = catalog.execute("select min(track_id) from tracks").fetchone()[0]
    with serving(config) as address, _browser() as browser:
        _paint_s(browser, f"{address}/nothing")  # starts the browser's processes
        urlopen(f"{address}/models/runs").read()  # comes after the page, and is kept
        paints = {
            path: _paint_s(browser, address + path.format(track_id=track_id)) for path in PAGES
        }
        frames = _frames_a_second(browser, f"{address}/map")
    bars = [_paint_bar(path, n_songs, paint_s) for path, paint_s in paints.items()]
    return [
        *bars,
        Bar(
            name=f"panning the map of {n_songs:,} songs",
            measured=frames,
            bar=LEAST_FRAMES,
            unit="frames/s",
            at_least=True,
            note="drawn by the processor",
        ),
        Bar(
            name=f"drawing the map of {n_songs:,} songs anew",
            measured=map_s,
            bar=MOST_MAP_S,
            unit="s of CPU",
            at_least=False,
        ),
    ]


def _paint_bar(path: str, n_songs: int, paint_s: float | None) -> Bar:
    missing = paint_s is None
    return Bar(
        name=f"first paint of {path}, {n_songs:,} songs",
        measured=0.0 if paint_s is None else paint_s,
        bar=float("inf") if missing else MOST_PAINT_S,
        unit="s",
        at_least=False,
        note="no such page" if missing else f"median of {N_OPENED}, the first on a new store",
    )


def _cpu_s(work: Any) -> float:  # noqa: ANN401
    begin = time.process_time()
    work()
    return time.process_time() - begin


@contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def _paint_s(browser: Any, address: str) -> float | None:  # noqa: ANN401
    """Return the median first contentful paint of a page; None if the server has no such page."""
    paints = []
    for _ in range(N_OPENED):
        page = browser.new_page()
        answer = page.goto(address)
        paints.append(page.evaluate(_PAINT))
        page.close()
        if answer.status != 200:
            return None
    return statistics.median(paints) / 1000


def _frames_a_second(browser: Any, address: str) -> float:  # noqa: ANN401
    """Drag the map for some frames; return how many were shown a second."""
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(address)
    page.wait_for_selector("canvas[data-ready]")
    frame_ms = page.evaluate(_DRAG, N_FRAMES)
    page.close()
    return 1000 / frame_ms


_PAINT = """
    () => new Promise(resolve => {
        const paint = () => performance.getEntriesByName("first-contentful-paint")[0];
        const look = () => paint() ? resolve(paint().startTime) : setTimeout(look, 10);
        look();
    })
"""
_DRAG = """
    async n => {
        const canvas = document.querySelector("canvas"), box = canvas.getBoundingClientRect();
        const point = (type, x) => canvas.dispatchEvent(new PointerEvent(type, {pointerId: 1,
            bubbles: true, clientX: box.left + x, clientY: box.top + 200}));
        const frame = () => new Promise(requestAnimationFrame);
        point("pointerdown", 300);
        await frame();
        const begin = performance.now();
        for (let i = 0; i < n; i++) {
            point("pointermove", 300 + 60 * Math.sin(i / 8));
            await frame();
        }
        const end = performance.now();
        point("pointerup", 300);
        return (end - begin) / n;
    }
"""

if __name__ == "__main__":
    sizes = [int(argument) for argument in sys.argv[2:3]]
    print_bars(measure(Path(sys.argv[1]), *sizes))

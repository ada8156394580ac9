"""How long the page takes for a song that is dropped, against predicting it alone.

``PYTHONPATH=. python -m benchmarks.listening MUSIC HOME``

MUSIC holds an mp3, which is repeated or cut to three minutes; HOME has a champion. Both bars are
ratios: the page digests and probes a song once more, to play it, and explains it on request.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from starlette.testclient import TestClient

from benchmarks.bars import Bar
from benchmarks.classifying import make_song
from benchmarks.tables import print_bars
from flows.settings import Settings
from flows.web.app import make_app
from storage.home import DataLayout
from tasks.champion import load_classifier
from tasks.predict import classify_song

N_TIMES = 11
DROPPED_BAR, EXPLAINED_BAR = 2.0, 3.0
"""Of a prediction: a dropped song until its genre is there, and until its reasons are, too."""
DROP = "benchmark-drop"


def measure(music: Path, home: Path) -> list[Bar]:
    """Time a dropped song, the median of 11, beside its prediction."""
    with TemporaryDirectory(prefix="genreflow-") as folder:
        song = make_song(music, Path(folder, "song.mp3"))
        content, classifier = song.read_bytes(), load_classifier(DataLayout(home))
        app = make_app(Settings(home=home))
        with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as page:
            alone_s = _time(lambda: classify_song(classifier, str(song)))
            dropped_s = _time(lambda: _drop(page, content))
            explained_s = _time(lambda: page.get(f"{_drop(page, content)}/why").raise_for_status())
    return [
        _bar("a dropped song, against its prediction alone", dropped_s / alone_s, DROPPED_BAR),
        _bar("the same with its reasons", explained_s / alone_s, EXPLAINED_BAR),
    ]


def _drop(page: TestClient, content: bytes) -> str:
    """Drop a song and wait for its genre; return the path of its page."""
    options = {"params": {"drop": DROP, "name": "song.mp3"}}
    answer = page.post("/dropped/upload", content=content, **options)
    address: str = answer.raise_for_status().json()["address"]
    if "genre-name" not in page.get(f"{address}/prediction").text:
        raise SystemExit("The song is not predicted.")
    return address


def _time(call: Callable[[], object]) -> float:
    """Median time of a call, in seconds; the first one, which loads, does not count."""
    call()
    times_s = []
    for _ in range(N_TIMES):
        begun = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - begun)
    return median(times_s)


def _bar(name: str, ratio: float, bar: float) -> Bar:
    return Bar(name=name, measured=ratio, bar=bar, unit="", at_least=False)


if __name__ == "__main__":
    print_bars(measure(Path(sys.argv[1]), Path(sys.argv[2])))

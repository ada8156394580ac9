"""How long the pages of models and nights take where the library is large.

``PYTHONPATH=. python -m benchmarks.pages``

The bars are ratios of 20,000 songs, 3,000 of them test songs, to 200: a page may read what it
shows, not the library.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from starlette.testclient import TestClient

from benchmarks.bars import Bar
from benchmarks.tables import print_bars
from flows.settings import Settings
from flows.web.app import make_app
from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish
from storage.home import DataLayout

SMALL, LARGE = 200, 20_000
N_TIMES = 9
BARS = {"/models": 5.0, "/nights": 3.0}
"""Of each page; that of models counts 3,000 test songs where the small home has 30."""

_ROWS = (
    """insert into tracks by name select sha256(i::varchar) as track_id, 'song ' || i as location,
        'g' || i % 10 as genre, 'artist ' || i // 3 as artist, '' as album, 'song ' || i as title,
        '' as licence, 180 as duration_s, 44100 as sample_rate, 2 as channels, 'mp3' as codec,
        '.mp3' as suffix from range({n}) as t(i)""",
    """insert into outcomes by name select location as source, track_id, genre, 'ok' as outcome,
        '' as stage, '' as reason, '' as message from tracks""",
    """insert into features by name select 'f' as feature_key, 'thesis' as representation,
        3.0 as fragment_s, 26 as n_bands, 646 as n_frames, '{{}}' as settings""",
    """insert into snapshots by name select 's' as snapshot_id, 'f' as feature_key,
        'l' as library_id, list(distinct genre) as genres, count(*) as n_tracks,
        count(*) as n_examples, 0 as seed from tracks""",
    """insert into snapshot_tracks by name select 's' as snapshot_id, track_id, genre,
        if(hash(track_id) % 20 < 3, 'test', 'train') as split, artist as group_id,
        'artist' as split_level from tracks""",
    """insert into runs by name select 'r' as run_id, 't' as trial_id, '' as comparison_id,
        'cnn' as network, 'thesis' as representation, 3.0 as fragment_s, 0 as seed,
        's' as snapshot_id, 1 as n_parameters, 1 as epochs, 0.7 as validation_accuracy,
        0.7 as validation_macro_f1, 0.7 as test_macro_f1, 0.7 as test_accuracy, 1 as seconds,
        '' as model_uri, now() as started_at""",
    """insert into predictions by name select 'r' as run_id, track_id, split, genre,
        if(hash(track_id) % 7 < 2, 'g0', genre) as predicted, 0.5 as probability,
        hash(track_id) % 1000 / 1000 as confidence from snapshot_tracks where split = 'test'""",
    """insert into promotions by name select 1 as version, 'r' as run_id, 's' as snapshot_id,
        0.7 as validation_macro_f1, 'the first' as reason""",
    """insert into nights by name select 'n' || i as night_id, '' as flow_run_id, 'me' as who,
        now() - to_days(i::integer) as started_at, now() - to_days(i::integer) as ended_at,
        'finished' as outcome from range(100) as t(i)""",
    """insert into night_steps by name select night_id, p as position, 'step ' || p as step,
        'finished' as outcome, 1.0 as seconds from nights cross join range(5) as t(p)""",
)


def measure(work: Path) -> list[Bar]:
    """Time each page with a small and a large library, the median of nine after the first."""
    small, large = (_time_pages(make_store(work / f"{n}-songs", n)) for n in (SMALL, LARGE))
    return [
        Bar(
            name=f"{path} with {LARGE:,} songs, against {SMALL}",
            measured=large[path] / small[path],
            bar=bar,
            unit="×",
            at_least=False,
            note=f"{1000 * large[path]:.0f} ms",
        )
        for path, bar in BARS.items()
    ]


def make_store(home: Path, n_songs: int) -> DataLayout:
    """Write a home of so many songs with a champion and a hundred nights; it has no files."""
    layout = DataLayout(home)
    home.mkdir(parents=True)
    with open_catalog(layout) as catalog:
        for statement in _ROWS:
            catalog.execute(statement.format(n=n_songs))
    publish(layout)
    return layout


def _time_pages(layout: DataLayout) -> dict[str, float]:
    app = make_app(Settings(home=layout.home))
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 1)) as page:
        return {path: _time(lambda path=path: page.get(path).raise_for_status()) for path in BARS}


def _time(call: Callable[[], object]) -> float:
    """Median time of a call, in seconds; the first one, which loads, does not count."""
    call()
    times_s = []
    for _ in range(N_TIMES):
        start_s = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - start_s)
    return median(times_s)


if __name__ == "__main__":
    with TemporaryDirectory(prefix="genreflow-") as folder:
        print_bars(measure(Path(folder)))

"""The steps of a night, each on a made-up home of `benchmarks.libraries`."""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import libraries
from benchmarks.libraries import FEATURES, GOLDEN, SONGS_A_CHUNK, VERSION
from genre_core.records import Source, Track
from genre_core.signal.sound import Sound
from genre_core.training.rules import NightConfig
from storage.catalog.connection import fetch_rows, fetch_values, open_catalog
from storage.catalog.fingerprints import Fingerprint
from storage.catalog.nightly import NightOutcome, end_night, read_night, start_night
from storage.catalog.publish import publish, publish_and_sweep
from storage.catalog.runs import read_run
from storage.catalog.snapshots import NEWEST
from storage.catalog.status import read_status
from storage.fetch.sites.access import Access
from storage.home import DataLayout
from storage.maintenance import RetentionConfig
from storage.maintenance.doctor import CHECKS
from tasks import download, duplicates, extract, maintenance, nightly, splits
from tasks.report.facts import gather_facts
from tasks.report.measures import read_assessed_songs
from tasks.spectrograms import ExtractedChunk

N_NEW = 1000


N_COPIES = 20


CHUNKS_A_WAVE = 8


WAVE = CHUNKS_A_WAVE * SONGS_A_CHUNK


N_OLD_SNAPSHOTS = 4


N_RUNS = 4


NIGHT = "night"


_RUNS = """
    insert into runs by name select 'run ' || n as run_id, 'trial ' || n as trial_id,
        'compared' as comparison_id, 'cnn' as network, 'thesis' as representation,
        3.0 as fragment_s, n as seed, snapshot_id, 1000 as n_parameters, 10 as epochs,
        0.5 as validation_accuracy, 0.5 as validation_macro_f1, 0.5 as test_macro_f1,
        0.5 as test_accuracy, 60.0 as seconds, 'models:/m-' || n as model_uri, now() as started_at
    from snapshots, range({runs}) as numbers(n)
"""


_PREDICTIONS = """
    insert into predictions by name select run_id, track_id, split, genre, genre as predicted,
        0.5 as probability, [hash(track_id, run_id, g) / 2.0::double ** 64 for g in range({genres})]
        as probabilities, 0.5 as confidence, false as unknown, [genre] as alternatives
    from runs join snapshot_tracks using (snapshot_id) where split in ('validation', 'test')
"""


_OLD_SNAPSHOTS = """
    insert into snapshots by name select * exclude (n) replace (
        snapshot_id || '-' || n as snapshot_id, created_at - interval 1 day as created_at,
        null as used_at)
    from snapshots, range({old}) as numbers(n);
    insert into snapshot_tracks select snapshot_id || '-' || n, * exclude (snapshot_id, n)
    from snapshot_tracks, range({old}) as numbers(n) where hash(track_id) % 100 > n
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A made-up home of ``size`` tracks, to which the songs from that number on are new."""

    layout: DataLayout
    size: int

    @property
    def written(self) -> Path:
        """Where the shards of the new songs are noted, which extract has written."""
        return self.layout.home / ".written.pickle"

    def new_tracks(self) -> list[Track]:
        """Return the new songs, as download leaves them."""
        statement = libraries.fill_in(
            self.layout, libraries.NAMED, self.size, self.size + N_NEW, self.size
        )
        with open_catalog(self.layout) as catalog:
            rows = fetch_rows(catalog, f"from ({statement}) order by n")
        return [_as_track(row) for row in rows]


def _as_track(row: Mapping[str, str]) -> Track:
    return Track(
        track_id=row["track_id"],
        location=row["place"],
        genre=row["genre"],
        artist=row["artist_name"],
        album=f"Album {row['artist']}",
        title=row["title"],
        licence="",
        duration_s=200.0,
        sample_rate=44_100,
        channels=2,
        codec="mp3",
        suffix=".mp3",
        packets_id=f"packets {row['n']}",
    )


def _make_home(home: Home) -> None:
    """Fill a home: songs, splits, snapshots and runs of earlier nights."""
    layout = home.layout
    libraries.fill_home(layout, home.size)
    duplicates.settle_duplicates(layout)
    extract.settle_extraction(layout, [FEATURES])


def _train_home(home: Home) -> None:
    """Add runs and older snapshots to a home that is split, and begin a night with new songs."""
    for statement in (_RUNS, _PREDICTIONS, _OLD_SNAPSHOTS):
        with open_catalog(home.layout) as catalog:
            catalog.execute(
                statement.format(
                    runs=N_RUNS, old=N_OLD_SNAPSHOTS, genres=libraries.N_GENRES, size=home.size
                )
            )
    libraries.make_files(home.layout, home.size, home.size + N_NEW, home.size)
    ids = [track.track_id for track in home.new_tracks()]
    shards = [
        libraries.write_chunk(home.layout, ids[n : n + SONGS_A_CHUNK])
        for n in range(0, N_NEW, SONGS_A_CHUNK)
    ]
    home.written.write_bytes(pickle.dumps(shards))
    with open_catalog(home.layout) as catalog:
        start_night(catalog, NIGHT, "", "schedule")


def _assign_splits(home: Home) -> None:
    splits.assign_splits(home.layout, [FEATURES], (), 0, GOLDEN, for_train=True)


def _list_sources(home: Home) -> None:
    music = str(home.layout.home / "music")
    selected = download.select_sources(home.layout, music, access=Access())
    assert len(selected.sources) == N_NEW, len(selected.sources)


def _record_songs(home: Home) -> None:
    tracks = home.new_tracks()
    for first in range(0, N_NEW, WAVE):
        wave = tracks[first : first + WAVE]
        sources = [
            Source(location=t.location, genre=t.genre, source_id=t.location, version=VERSION)
            for t in wave
        ]
        fetched = download.Fetched(tracks=tuple(wave))
        duplicates.record_wave(home.layout, sources, [fetched])


def _find_duplicates(home: Home) -> None:
    tracks = duplicates.select_unfingerprinted(home.layout)
    items = libraries.make_items(range(home.size, home.size + N_NEW))
    with open_catalog(home.layout) as catalog:
        copied = fetch_values(catalog, f"select items from fingerprints limit {N_COPIES}")
    items[:N_COPIES] = [np.frombuffer(row, np.uint32) for row in copied]
    found = [
        Fingerprint(track_id=t.track_id, items=own) for t, own in zip(tracks, items, strict=True)
    ]
    for first in range(0, N_NEW, WAVE):
        duplicates.record_fingerprints(home.layout, [found[first : first + WAVE]])


def _follow_changes(home: Home) -> None:
    duplicates.follow_changes(home.layout, ["a song: artist none → Ada"])


def _settle_duplicates(home: Home) -> None:
    duplicates.settle_duplicates(home.layout)


def _settle_short(home: Home) -> None:
    extract.settle_short(home.layout, [FEATURES])


def _publish_songs(home: Home) -> None:
    publish(home.layout)


def _select_tracks(home: Home) -> None:
    extract.select_tracks(home.layout, [FEATURES])


def _record_shards(home: Home) -> None:
    shards = pickle.loads(home.written.read_bytes())
    chunks = [
        ExtractedChunk(
            shards=(shard,),
            rejections=(),
            warnings=(),
            sounds=tuple(
                Sound(track_id=t, loudness_db=-20.0, cutoff_hz=16_000.0) for t in shard.n_fragments
            ),
        )
        for shard in shards
    ]
    for first in range(0, len(chunks), CHUNKS_A_WAVE):
        extract.record_shards(home.layout, chunks[first : first + CHUNKS_A_WAVE], 10**9)


def _settle_extraction(home: Home) -> None:
    extract.settle_extraction(home.layout, [FEATURES])


def _compact_shards(home: Home) -> None:
    extract.compact_shards(home.layout)


def _publish_shards(home: Home) -> None:
    publish_and_sweep(home.layout)


def _decide_on_training(home: Home) -> None:
    layout = home.layout
    splits.usable_features(layout, [FEATURES], ())
    snapshots = nightly.newest_snapshots(layout, [FEATURES], ())
    nightly.explain_no_training(layout, NightConfig(), snapshots, (), ())


def _tidy(home: Home) -> None:
    maintenance.tidy_store(home.layout, RetentionConfig(), NEWEST)


def _report(home: Home) -> None:
    """Gather the facts; the champion's, as if the first run was one: loading it is left out."""
    with open_catalog(home.layout) as catalog:
        end_night(catalog, NIGHT, NightOutcome.FINISHED, "")
        night, run = read_night(catalog), read_run(catalog, "run 0")
        if run:
            read_assessed_songs(catalog, run)
    if night:
        gather_facts(home.layout, night)


def _show_status(home: Home) -> None:
    read_status(home.layout)


def _examine(home: Home) -> None:
    for name in ("store", "shards", "songs"):
        CHECKS[name](home.layout)


PREPARED: Mapping[str, Callable[[Home], None]] = {
    "fill a home": _make_home,
    "assign all songs": _assign_splits,
    "fill a home with runs": _train_home,
    "publish the first time": _publish_songs,
}


STEPS: Mapping[str, Callable[[Home], None]] = {
    "ingest: list": _list_sources,
    "ingest: record songs": _record_songs,
    "ingest: find duplicates": _find_duplicates,
    "ingest: follow changes": _follow_changes,
    "ingest: settle duplicates": _settle_duplicates,
    "ingest: settle short songs": _settle_short,
    "ingest: publish": _publish_songs,
    "extract: select": _select_tracks,
    "extract: record shards": _record_shards,
    "extract: settle outcomes": _settle_extraction,
    "extract: compact": _compact_shards,
    "extract: publish and sweep": _publish_shards,
    "train: decide": _decide_on_training,
    "train: assign splits": _assign_splits,
    "train: publish": _publish_songs,
    "train: publish again": _publish_songs,
    "tidy": _tidy,
    "tidy: publish": _publish_songs,
    "report": _report,
    "report: publish": _publish_songs,
}


COMMANDS: Mapping[str, Callable[[Home], None]] = {"status": _show_status, "doctor": _examine}

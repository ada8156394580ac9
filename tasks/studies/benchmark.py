"""Benchmark: the songs of an official split, what became of them, and the scores of its runs."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from genre_core.digests import digest_document
from genre_core.errors import UsageError
from genre_core.locations import path_of
from genre_core.records import LEARNING_SPLITS, Split, counted
from genre_core.representations.features import FeatureConfig
from genre_core.studies.benchmark import (
    Crossing,
    SplitSong,
    find_crossings,
)
from storage.benchmarks.splits import OfficialSplit, read_official, write_songs
from storage.catalog.benchmarks import (
    OfficialSong,
    count_stored_sources,
    read_official_songs,
    record_official_split,
)
from storage.catalog.connection import open_catalog
from storage.catalog.snapshots import (
    Snapshot,
    count_placements,
    record_snapshot,
)
from storage.files import explaining_disk_errors
from storage.home import DataLayout
from tasks.orchestrator import task
from tasks.spectrograms import key_features
from tasks.tracked import open_tracked
from tasks.train import Trial

SONG_CPU_S = 0.6
"""To ingest a clip and to embed it by musicnn, on one core (docs/research/benchmarks.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The official split of a benchmark, the manifest made of it, and what is to be done."""

    official: OfficialSplit
    manifest: Path
    plan: tuple[str, ...]


@task
def list_benchmark(layout: DataLayout, name: str, places: Sequence[Path]) -> Listed:
    """Unpack archives, read the official split, and write its songs as a manifest."""
    with explaining_disk_errors(layout):
        official = read_official(name, places, layout.collections)
        manifest = write_songs(layout.home, official)
    return Listed(official=official, manifest=manifest, plan=tuple(_plan(layout, official)))


def _plan(layout: DataLayout, official: OfficialSplit) -> list[str]:
    """Return what the split holds, and what reading its new songs will take, in sentences."""
    counts, genres = official.count(), {source.genre for source in official.sources}
    lines = [
        f"{official.title}: {counts[Split.TRAIN]} songs to train on, {counts[Split.VALIDATION]} "
        f"to validate, {counts[Split.TEST]} to test on, of {counted(len(genres), 'genre')}."
    ]
    lines += [f"Left out: {counted(n, 'song')} {why}." for why, n in official.left_out.items()]
    sizes = [_size(source.location) for source in official.sources]
    n_there = sum(size is not None for size in sizes)
    if n_missing := len(sizes) - n_there:
        lines.append(
            f"Missing here: {n_missing} of {counted(len(sizes), 'file')}. Each is listed in the "
            "report; scores without them are not those of the benchmark."
        )
    if n_new := max(0, n_there - _count_stored(layout)):
        n_cores = os.cpu_count() or 1
        minutes = max(1, round(n_new * SONG_CPU_S / n_cores / 60))
        lines.append(
            f"{counted(n_new, 'song is', 'songs are')} new in {layout.home}: some {minutes} min "
            f"on {counted(n_cores, 'core')} to read and embed them, and "
            f"{sum(filter(None, sizes)) / 1e9:.1f} GB for copies. The same command resumes."
        )
    return lines


def _count_stored(layout: DataLayout) -> int:
    """Number of songs that the home has already."""
    if not layout.catalog.exists():
        return 0
    with open_catalog(layout) as catalog:
        return count_stored_sources(catalog)


def _size(location: str) -> int | None:
    try:
        return Path(path_of(location)).stat().st_size
    except OSError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A benchmark in its home: its snapshots, one a feature setting, and its songs."""

    layout: DataLayout
    official: OfficialSplit
    features: tuple[FeatureConfig, ...]
    snapshots: tuple[Snapshot, ...]
    songs: tuple[OfficialSong, ...]


@task
def assign_official(
    layout: DataLayout, official: OfficialSplit, features: Sequence[FeatureConfig]
) -> Prepared:
    """Assign the songs that have examples to their official subsets, and freeze snapshots."""
    with open_catalog(layout) as catalog:
        songs = read_official_songs(catalog, official.subsets)
        track_ids = record_official_split(catalog, songs)
        snapshots = [
            record_snapshot(catalog, key, track_ids, seed=0, for_train=True)
            for key in key_features(features)
        ]
        counts = [count_placements(catalog, one.snapshot_id) for one in snapshots]
    for count in counts:
        there = {split for _, split in count}
        if empty := [str(split) for split in LEARNING_SPLITS if split not in there]:
            raise UsageError(
                f"No song of the official subset {' and '.join(empty)} could be used. "
                f"`genreflow sql --home {layout.home} \"from outcomes where outcome <> 'ok'\"` "
                "shows why."
            )
    return Prepared(
        layout=layout,
        official=official,
        features=tuple(features),
        snapshots=tuple(snapshots),
        songs=tuple(songs),
    )


@task
def open_benchmark(layout: DataLayout, name: str, trials: Sequence[Trial]) -> str:
    """Open the parent run of the trainings in MLflow, the same one for the same trials."""
    from storage.models.runs import resume_sweep

    sweep_id = digest_document(sorted(trial.trial_id for trial in trials))
    tags = {"library_id": trials[0].snapshot.library_id}
    return resume_sweep(open_tracked(layout), f"benchmark {name}", tags, sweep_id)


@task
def close_benchmark(layout: DataLayout, run_id: str) -> None:
    """Close the parent run of the trainings."""
    from storage.models.runs import finish_run

    finish_run(open_tracked(layout), run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaks:
    """Artists and recordings that an official split has in several subsets."""

    artists: Crossing
    recordings: Crossing

    @property
    def sentences(self) -> list[str]:
        """What was found, for people."""
        used = " One song of each recording is used." if self.recordings.keys else ""
        return [self.artists.sentence, self.recordings.sentence + used]


def find_leaks(songs: Sequence[OfficialSong]) -> Leaks:
    """Audit an official split: what of it is in two subsets, also of songs that are left out.

    A recording is named by the files of its songs.
    """
    stored = [song for song in songs if song.track_id]
    files: dict[str, list[str]] = defaultdict(list)
    for song in stored:
        files[song.recording].append(f"{Path(path_of(song.source)).name} ({song.subset})")
    named = {recording: " = ".join(own) for recording, own in files.items()}
    return Leaks(
        artists=find_crossings(
            "artist", (SplitSong(subset=song.subset, keys=song.artists) for song in stored)
        ),
        recordings=find_crossings(
            "recording",
            (SplitSong(subset=song.subset, keys=(named[song.recording],)) for song in stored),
        ),
    )


def count_songs(songs: Sequence[OfficialSong]) -> list[dict[str, object]]:
    """Return, by subset, how many songs are official, how many are used, and why others are not."""
    rows: list[dict[str, object]] = []
    for split in LEARNING_SPLITS:
        own = [song for song in songs if song.subset is split]
        left_out = Counter(song.reason or song.outcome for song in own if not song.is_used)
        rows.append(
            {
                "subset": str(split),
                "official": len(own),
                "used": sum(song.is_used for song in own),
                "left_out": dict(sorted(left_out.items())),
            }
        )
    return rows

"""Real catalogs in temporary folders, and short ways to fill them."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genre_core.dataset.splits import Assignment
from genre_core.records import Outcome, Reason, Result, Split, Stage, Track
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig, embedding_features
from storage.catalog.assignments import record_assignments
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import (
    Rejection,
    Shard,
    SongEmbedding,
    record_extraction,
    record_features,
    settle_outcomes,
)
from storage.catalog.runs import Run
from storage.catalog.snapshots import Snapshot, record_snapshot
from storage.catalog.songs import record_songs
from storage.home import DataLayout
from storage.shards import TrackMatrices, write_shard
from tests.catalogs import in_catalog

SPLITS = {"a": Split.TRAIN, "b": Split.VALIDATION, "c": Split.TEST}


def assignment(track: Track, split: Split) -> Assignment:
    return Assignment(
        track_id=track.track_id,
        genre=track.genre,
        split=split,
        group_id=f"track:{track.track_id[:12]}",
        split_level="group",
    )


@dataclass(frozen=True, slots=True)
class Store:
    """A store to be filled: names such as ``a`` stand for tracks and files."""

    layout: DataLayout
    peopled: Path

    def call(self, function: Callable[..., Any], *arguments: object, **named: object) -> Any:  # noqa: ANN401
        """Call a function of the catalog, in a transaction of its own."""
        return in_catalog(self.layout, function, *arguments, **named)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a statement on the catalog."""
        with open_catalog(self.layout) as catalog:
            return catalog.execute(statement).fetchall()

    def track(self, name: str, genre: str = "jazz", artist: str = "") -> Track:
        return Track(
            track_id=hashlib.sha256(name.encode()).hexdigest(),
            location=f"/music/{genre}/{name}.mp3",
            genre=genre,
            artist=artist,
            album="Notes",
            title=name,
            licence="CC0-1.0",
            duration_s=180.5,
            sample_rate=44_100,
            channels=2,
            codec="mp3",
            suffix=".mp3",
        )

    def outcome(self, track: Track, result: Result = Result.OK) -> Outcome:
        return Outcome(
            location=track.location,
            genre=track.genre,
            result=result,
            stage=Stage.DOWNLOAD,
            track_id=track.track_id,
        )

    def copy_of(self, track: Track) -> Outcome:
        return replace(self.outcome(track, Result.DUPLICATE), location=f"/copies/{track.title}")

    def add_songs(self, *tracks: Track) -> None:
        self.call(record_songs, tracks, [self.outcome(track) for track in tracks])

    def shard(self, feature_key: str, *tracks: Track, config: FeatureConfig | None = None) -> Shard:
        """Write a real shard of two fragments a track; the catalog does not name it yet."""
        features = config or FeatureConfig(fragment_s=1.0)
        matrices = np.random.default_rng(0).random((2, *features.shape), np.float32)
        rows = [
            TrackMatrices(
                track_id=t.track_id, genre=t.genre, starts_s=(30.0, 40.0), matrices=matrices
            )
            for t in tracks
        ]
        self.call(record_features, {feature_key: features})
        return write_shard(self.layout, feature_key, features, rows)

    def extract(self, feature_key: str, *tracks: Track) -> None:
        self.call(record_extraction, [self.shard(feature_key, *tracks)], [])
        self.call(settle_outcomes, [feature_key])

    def embed(
        self,
        vectors: Mapping[Track, Sequence[float]],
        feature_key: str = "made",
        name: str = "made",
    ) -> None:
        """Record mean embeddings, with one tag logit, 0."""
        n_features = len(next(iter(vectors.values())))
        made = Embedding(
            name=name,
            digest=feature_key,
            sample_rate=16_000,
            window_s=3.0,
            hop_s=3.0,
            n_features=n_features,
            tags=("made: loud",),
        )
        self.call(record_features, {feature_key: embedding_features(made, 6)})
        embedded = [
            SongEmbedding(
                track_id=track.track_id,
                feature_key=feature_key,
                embedding=tuple(vector),
                tag_logits=(0.0,),
            )
            for track, vector in vectors.items()
        ]
        self.call(record_extraction, [], [], [], embedded)

    def reject(self, track: Track, *feature_keys: str, reason: Reason = Reason.TOO_SHORT) -> None:
        rejection = Rejection(
            track_id=track.track_id,
            feature_keys=feature_keys,
            stage=Stage.CONVERT,
            reason=reason,
            message=f"{track.title} is left out",
        )
        self.call(record_extraction, [], [rejection])
        self.call(settle_outcomes, feature_keys)

    def assign(self, *tracks: Track, split: Split) -> None:
        self.call(record_assignments, [assignment(track, split) for track in tracks], {})

    def freeze(self, feature_key: str, *tracks: Track, seed: int = 0) -> Snapshot:
        return self.call(record_snapshot, feature_key, [t.track_id for t in tracks], seed)

    def three_songs(self) -> list[Track]:
        """Three extracted songs of jazz, one in each split: ``a``, ``b``, ``c``."""
        shutil.copytree(self.peopled, self.layout.home, dirs_exist_ok=True)
        return [self.track(name) for name in SPLITS]

    def run(self, run_id: str, snapshot: Snapshot, **changes: object) -> Run:
        run = Run(
            run_id=run_id,
            trial_id=f"trial of {run_id}",
            comparison_id="comparison",
            network="cnn",
            representation="thesis",
            fragment_s=1.0,
            seed=0,
            snapshot_id=snapshot.snapshot_id,
            n_parameters=22_758,
            epochs=12,
            validation_accuracy=0.75,
            validation_macro_f1=0.7,
            test_macro_f1=0.6,
            test_accuracy=0.65,
            seconds=3.5,
            model_uri=f"models:/{run_id}",
            started_at=datetime(2020, 6, 1, tzinfo=UTC) + timedelta(minutes=len(run_id)),
        )
        return replace(run, **changes)


@pytest.fixture(scope="session")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    layout = DataLayout(tmp_path_factory.mktemp("empty"))
    with open_catalog(layout):
        pass
    return layout.catalog


@pytest.fixture(scope="session")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three songs, made once; each test that wants them copies it."""
    home = tmp_path_factory.mktemp("peopled")
    store = Store(DataLayout(home), home)
    tracks = [store.track(name) for name in SPLITS]
    store.add_songs(*tracks)
    store.extract("key", *tracks)
    in_catalog(
        store.layout, record_assignments, [assignment(t, SPLITS[t.title]) for t in tracks], {}
    )
    return home


@pytest.fixture
def store(empty_catalog: Path, peopled: Path, tmp_path: Path) -> Store:
    layout = DataLayout(tmp_path)
    shutil.copy(empty_catalog, layout.catalog)
    return Store(layout, peopled)


@pytest.fixture
def layout(store: Store) -> DataLayout:
    return store.layout


@pytest.fixture
def in_another_process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a Python program beside this one; it has printed ``ready`` when this returns."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()

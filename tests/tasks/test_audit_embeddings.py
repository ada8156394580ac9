"""The audit of a store that holds the same songs as spectrograms and as embeddings."""

from collections.abc import Sequence

import numpy as np
import pytest

from flows.settings import Settings
from genre_core.audit.rules import AuditConfig, Level
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig, embedding_features
from storage.catalog.audits import read_other_snapshot
from storage.catalog.connection import open_catalog
from storage.catalog.extraction import record_extraction, record_features
from storage.catalog.snapshots import Placement, Snapshot, read_placements, record_snapshot
from storage.home import DataLayout
from storage.shards import TrackMatrices, write_shard
from tasks.audit import (
    audit_by_fragment,
    audit_by_song,
    audit_leave_one_source_out,
    audit_pretraining,
    plan_audit,
)
from tasks.compare import choose_winner
from tests.catalogs import in_catalog
from tests.tasks.contests import newest

pytestmark = [pytest.mark.flow, pytest.mark.keras, pytest.mark.usefixtures("quiet_runs")]
CONFIG = AuditConfig(n_draws=1, n_embedding_draws=20, n_folds=2, max_epochs=1)
N_WINDOWS, N_FEATURES = 4, 24
GENRES = ("clicks", "hiss", "hums")
TAGGER = Embedding(
    name="tagger",
    digest="d",
    sample_rate=16_000,
    window_s=3.0,
    hop_s=3.0,
    n_features=N_FEATURES,
    tags=tuple(f"made: {genre}" for genre in GENRES),
    trained_on=("a made corpus",),
)
FEATURES = embedding_features(TAGGER, N_WINDOWS)


def windows_of(placement: Placement) -> TrackMatrices:
    """Features of a place that each song has alone, and tag logits that name its genre."""
    rng = np.random.default_rng(int(placement.track_id[:8], 16))
    features = rng.normal(0, 1, N_FEATURES) + rng.normal(0, 0.2, (N_WINDOWS, N_FEATURES))
    logits = 3.0 * np.eye(3)[GENRES.index(placement.genre)] + rng.normal(0, 0.1, (N_WINDOWS, 3))
    return TrackMatrices(
        track_id=placement.track_id,
        genre=placement.genre,
        starts_s=tuple(3.0 * nth for nth in range(N_WINDOWS)),
        matrices=np.hstack([features, logits]).astype(np.float32)[..., None],
    )


def embed(layout: DataLayout, key: str, features: FeatureConfig) -> Snapshot:
    """Give the songs of the best run embeddings, too."""
    placements = in_catalog(
        layout, read_placements, choose_winner(layout, newest(layout).library_id)[0].snapshot_id
    )
    in_catalog(layout, record_features, {key: features})
    shard = write_shard(layout, key, features, [windows_of(p) for p in placements])
    in_catalog(layout, record_extraction, [shard], [])
    return in_catalog(layout, record_snapshot, key, [p.track_id for p in placements], seed=0)


def make_best(layout: DataLayout, snapshot: Snapshot, network: str) -> None:
    """Let the best run be of a network on a snapshot."""
    run_id = choose_winner(layout, newest(layout).library_id)[0].run_id
    with open_catalog(layout) as catalog:
        catalog.execute(
            "update runs set network = ?, snapshot_id = ? where run_id = ?",
            [network, snapshot.snapshot_id, run_id],
        )


def learners(details: object) -> list[str]:
    assert isinstance(details, dict)
    return [details["learner"], *(other["learner"] for other in details["beside"])]


@pytest.fixture
def both(finished_copy: Settings) -> tuple[DataLayout, Snapshot]:
    """A store in which a head on embeddings is the best run."""
    layout = finished_copy.layout
    snapshot = embed(layout, "embedded", FEATURES)
    make_best(layout, snapshot, "head")
    return layout, snapshot


def test_embeddings_are_audited_by_heads_with_the_small_network_beside(
    both: tuple[DataLayout, Snapshot],
) -> None:
    layout, snapshot = both
    plan = plan_audit.fn(layout, newest(layout), CONFIG, {})

    by_fragment = audit_by_fragment.fn(layout, plan)
    by_song = audit_by_song.fn(layout, plan)

    expected = [
        "a nearest neighbour on tagger",
        "the head without its prior on tagger",
        "a small network on thesis 1 s",
    ]
    assert plan.snapshot == snapshot
    assert learners(by_fragment.details) == learners(by_song.details) == expected
    assert by_fragment.level is Level.PASS
    assert by_fragment.value is not None
    assert by_fragment.value > 0.9
    assert by_song.level is not Level.FAIL


@pytest.mark.parametrize(
    ("network", "first"),
    [("head", "the head on tagger"), ("head_no_prior", "the head without its prior on tagger")],
)
def test_sources_are_left_out_with_the_head_of_the_best_run_and_the_other_beside(
    both: tuple[DataLayout, Snapshot], network: str, first: str
) -> None:
    layout, snapshot = both
    make_best(layout, snapshot, network)

    check = audit_leave_one_source_out.fn(layout, plan_audit.fn(layout, newest(layout), CONFIG, {}))

    names = learners(check.details)
    assert names[0] == first
    assert set(names) == {
        "the head on tagger",
        "the head without its prior on tagger",
        "a small network on thesis 1 s",
    }


def test_tags_of_the_settings_are_the_prior_of_the_head(
    both: tuple[DataLayout, Snapshot],
) -> None:
    layout, _ = both
    no_tags: dict[str, Sequence[str]] = {genre: [] for genre in GENRES}
    with_tags = plan_audit.fn(layout, newest(layout), CONFIG, {})
    without = plan_audit.fn(layout, newest(layout), CONFIG, no_tags)

    found = [audit_leave_one_source_out.fn(layout, plan) for plan in (with_tags, without)]

    assert with_tags.audit_id != without.audit_id
    assert found[0].value == 1.0
    assert learners(found[1].details)[0] == "the head without its prior on tagger"


def test_spectrograms_are_audited_by_the_small_network_with_heads_beside(
    finished_copy: Settings,
) -> None:
    layout = finished_copy.layout
    alone = plan_audit.fn(layout, newest(layout), CONFIG, {})
    embed(layout, "embedded", FEATURES)
    plan = plan_audit.fn(layout, newest(layout), CONFIG, {})

    check = audit_by_song.fn(layout, plan)

    names = learners(check.details)
    assert plan.audit_id != alone.audit_id
    assert names[0].startswith("a small network on thesis")
    assert names[1:] == ["a nearest neighbour on tagger", "the head without its prior on tagger"]


def test_the_data_sets_of_the_embedding_are_named_and_spectrograms_have_none(
    both: tuple[DataLayout, Snapshot],
) -> None:
    layout, snapshot = both
    plan = plan_audit.fn(layout, newest(layout), CONFIG, {})

    check = audit_pretraining.fn(layout, plan)

    beside = in_catalog(layout, read_other_snapshot, snapshot)
    assert check is not None
    assert check.level is Level.PASS
    assert "tagger was trained on a made corpus." in check.message
    assert beside is not None
    assert in_catalog(layout, read_other_snapshot, beside) == snapshot

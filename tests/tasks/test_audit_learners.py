"""The learners of an audit: the small network memorises, and heads are beside it for embeddings."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from flows.settings import Settings
from genre_core.audit.label_permutation import check_by_fragment, check_by_song
from genre_core.audit.rules import AuditConfig, Check, CheckName, Level
from genre_core.audit.songs import AuditedSong, name_recordings
from genre_core.records import Split
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import embedding_features
from storage.catalog.audits import read_other_snapshot
from storage.catalog.extraction import record_extraction, record_features
from storage.catalog.snapshots import Placement, Snapshot, read_placements, record_snapshot
from storage.home import DataLayout
from storage.shards import TrackMatrices, write_shard
from tasks.audit import CHECKS
from tasks.audit_plan import AuditPlan, memorising_learner, plan_audit
from tests.catalogs import in_catalog
from tests.genre_core.audit.conftest import (
    make_examples,
    make_library,
    of_split,
    one_learner,
    own_centre,
)
from tests.tasks.contests import execute, newest

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
SMALL = "a small network on thesis 1 s"
NEAREST = "a nearest neighbour on tagger"
HEAD, BARE_HEAD = "the head on tagger", "the head without its prior on tagger"


def by_song(songs: list[AuditedSong], copies: dict[str, AuditedSong]) -> Check:
    """Permute labels where the songs of ``copies`` sound like those that they copy."""
    config = AuditConfig()
    examples = make_examples(songs, lambda song: own_centre(copies.get(song.track_id, song)))
    recordings = name_recordings(songs, [(name, song.track_id) for name, song in copies.items()])
    learners = one_learner(examples, memorising_learner(config, 2), config.n_draws)
    return check_by_song(learners, songs, recordings, 2, config)


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


def plan(layout: DataLayout, tag_prior: Mapping[str, Sequence[str]] | None = None) -> AuditPlan:
    made: AuditPlan = in_catalog(
        layout, plan_audit, layout, newest(layout), CONFIG, tag_prior or {}
    )
    return made


def run_check(layout: DataLayout, name: CheckName, made: AuditPlan | None = None) -> Check:
    found = CHECKS[name](layout, made or plan(layout))
    assert found is not None
    return found


def embed(layout: DataLayout) -> Snapshot:
    """Return the songs of the best run embeddings, too."""
    placements = in_catalog(layout, read_placements, plan(layout).snapshot.snapshot_id)
    in_catalog(layout, record_features, {"embedded": FEATURES})
    shard = write_shard(layout, "embedded", FEATURES, [windows_of(p) for p in placements])
    in_catalog(layout, record_extraction, [shard], [])
    snapshot: Snapshot = in_catalog(
        layout, record_snapshot, "embedded", [p.track_id for p in placements], seed=0
    )
    return snapshot


def make_best(layout: DataLayout, snapshot: Snapshot, network: str) -> None:
    """Let the best run be of a network on a snapshot."""
    run = plan(layout).run
    assert run is not None
    changes = "update runs set network = ?, snapshot_id = ? where run_id = ?"
    execute(layout, changes, network, snapshot.snapshot_id, run.run_id)


def learners(check: Check) -> list[str]:
    beside = check.details["beside"]
    assert isinstance(beside, list)
    return [str(check.details["learner"]), *(other["learner"] for other in beside)]


@pytest.fixture
def both(finished_copy: Settings) -> tuple[DataLayout, Snapshot]:
    """A store in which a head on embeddings is the best run."""
    snapshot = embed(finished_copy.layout)
    make_best(finished_copy.layout, snapshot, "head")
    return finished_copy.layout, snapshot


def test_the_small_network_finds_duplicates_of_training_songs_and_is_at_chance_without() -> None:
    songs = make_library(40)
    pairs = zip(of_split(songs, Split.TEST)[:12], of_split(songs, Split.TRAIN), strict=False)

    leak, without = (by_song(songs, c) for c in ({a.track_id: b for a, b in pairs}, {}))

    assert leak.level is Level.FAIL
    assert leak.interval is not None
    assert leak.interval.low > 0.5
    assert without.level in (Level.PASS, Level.INCONCLUSIVE)
    assert without.value == pytest.approx(0.5, abs=0.12)


def test_the_small_network_memorises_songs_where_fragments_are_split() -> None:
    songs, config = make_library(40), AuditConfig()
    examples = make_examples(songs, own_centre)
    small = one_learner(examples, memorising_learner(config, 2), config.n_draws)

    check = check_by_fragment(small, songs, name_recordings(songs, []), 2, config)

    assert check.level is Level.PASS
    assert check.value is not None
    assert check.value > 0.8


def test_embeddings_are_audited_by_heads_with_the_small_network_beside(
    both: tuple[DataLayout, Snapshot],
) -> None:
    layout, snapshot = both

    by_fragment, permuted = (
        run_check(layout, name) for name in (CheckName.BY_FRAGMENT, CheckName.BY_SONG)
    )

    assert plan(layout).snapshot == snapshot
    assert learners(by_fragment) == learners(permuted) == [NEAREST, BARE_HEAD, SMALL]
    assert by_fragment.level is Level.PASS
    assert by_fragment.value is not None
    assert by_fragment.value > 0.9
    assert permuted.level is not Level.FAIL


@pytest.mark.parametrize(("network", "first"), [("head", HEAD), ("head_no_prior", BARE_HEAD)])
def test_sources_are_left_out_with_the_head_of_the_best_run_and_the_other_beside(
    both: tuple[DataLayout, Snapshot], network: str, first: str
) -> None:
    layout, snapshot = both
    make_best(layout, snapshot, network)

    names = learners(run_check(layout, CheckName.LEAVE_ONE_SOURCE_OUT))

    assert names[0] == first
    assert set(names) == {HEAD, BARE_HEAD, SMALL}


def test_tags_of_the_settings_are_the_prior_of_the_head(both: tuple[DataLayout, Snapshot]) -> None:
    layout, _ = both
    plans = plan(layout), plan(layout, {genre: [] for genre in GENRES})

    found = [run_check(layout, CheckName.LEAVE_ONE_SOURCE_OUT, made) for made in plans]

    assert plans[0].audit_id != plans[1].audit_id
    assert found[0].value == 1.0
    assert learners(found[1])[0] == BARE_HEAD


def test_spectrograms_are_audited_by_the_small_network_with_heads_beside(
    finished_copy: Settings,
) -> None:
    layout = finished_copy.layout
    alone = plan(layout)
    embed(layout)
    made = plan(layout)

    names = learners(run_check(layout, CheckName.BY_SONG, made))

    assert made.audit_id != alone.audit_id
    assert names[0].startswith("a small network on thesis")
    assert names[1:] == [NEAREST, BARE_HEAD]


def test_the_data_sets_of_the_embedding_are_named_and_spectrograms_have_none(
    both: tuple[DataLayout, Snapshot],
) -> None:
    layout, snapshot = both

    check = run_check(layout, CheckName.PRETRAINING)

    beside = in_catalog(layout, read_other_snapshot, snapshot)
    assert check.level is Level.PASS
    assert "tagger was trained on a made corpus." in check.message
    assert beside is not None
    assert in_catalog(layout, read_other_snapshot, beside) == snapshot

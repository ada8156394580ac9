"""An embedding of one's own from the settings to the verdict."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.settings import Settings
from genre_core.dataset.suspects import Suspect
from storage.catalog.audits import record_suspects
from storage.catalog.connection import fetch_rows, open_catalog
from storage.embeddings.config import EmbeddingConfig
from tests.catalogs import in_catalog
from tests.flows.conftest import Call
from tests.storage.embeddings.made_models import CONSTANTS, write_onnx

FORGOTTEN = Suspect(
    track_id="0" * 64,
    genre="hums",
    confidence=0.1,
    predicted="hiss",
    predicted_confidence=0.8,
    neighbours=(),
)
"""What an earlier training found, and this one does not."""

pytestmark = [
    pytest.mark.flow,
    pytest.mark.keras,
    pytest.mark.usefixtures("prefect_server", "own_cache"),
]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def made(config: Settings, tmp_path: Path) -> Settings:
    """The small library, embedded by the mean and the level of windows of 0.1 s; three tags."""
    own = EmbeddingConfig(
        file=write_onnx(tmp_path / "made.onnx"),
        sample_rate=16_000,
        window_s=0.1,
        output=("features", "tags"),
        labels=("up", "loud", "quiet"),
        licence="CC0",
    )
    return replace(
        config,
        representations=("made",),
        embeddings={"made": own},
        networks=("head",),
        tag_prior={"hums": ("loud",), "clicks": ("quiet",)},
    )


@pytest.fixture
def trained(made: Settings, tracking_tables: Path) -> Settings:
    """The library embedded, and a head trained on it, which is the champion."""
    made.home.mkdir()
    shutil.copy(tracking_tables, made.layout.mlflow_db)
    from flows.extract import extract
    from flows.ingest import ingest
    from flows.train import train

    ingest(made)
    extract(made)
    in_catalog(made.layout, record_suspects, "earlier", [FORGOTTEN])
    train(made)
    return made


def test_songs_are_embedded_trained_on_and_classified_with_it(
    trained: Settings, library: Path, genreflow: Call
) -> None:
    with open_catalog(trained.layout) as catalog:
        rows = fetch_rows(catalog, "select * from song_embeddings")
        suspects = fetch_rows(catalog, "select track_id from suspects")
    trained.embeddings["made"].file.unlink()  # the champion has a copy of its own
    result = genreflow(
        "classify", library / "hums" / "song 1.flac", "--json", "--home", trained.home
    )

    features = np.array([row["embedding"] for row in rows])
    tags = np.array([row["tag_logits"] for row in rows])
    assert features.shape == (19, 2)
    assert FORGOTTEN.track_id not in {row["track_id"] for row in suspects}
    np.testing.assert_allclose(tags, features @ CONSTANTS["weights"], rtol=1e-4, atol=1e-6)
    assert result.code == 0, result.err
    assert set(json.loads(result.out)[0]["probabilities"]) == {"clicks", "hiss", "hums"}


def test_a_model_that_is_not_there_stops_the_run_before_it_begins(made: Settings) -> None:
    from flows.extract import extract
    from genre_core.errors import UsageError

    made.embeddings["made"].file.unlink()

    with pytest.raises(UsageError, match=r"\[embeddings\.made\]: the model .* cannot be read"):
        extract(made)

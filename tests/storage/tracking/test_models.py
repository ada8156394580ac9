"""Networks there and back, with a tiny real one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from mlflow.artifacts import download_artifacts
from mlflow.models import Model, ModelSignature

from genre_core.errors import CatalogMismatch
from genre_core.evaluation.certainty import Certainty
from genre_core.evaluation.novelty import Novelty
from storage.home import DataLayout
from storage.models.networks import (
    Network,
    load_certainty,
    load_features,
    load_network,
    load_temperature,
    log_certainty,
    log_network,
    log_temperature,
)
from storage.models.registry import (
    Champion,
    champion,
    describe_version,
    register_run,
    set_champion,
)
from storage.models.runs import RunCell, log_scores, start_run
from storage.models.store import Tracking, open_tracking

pytestmark = pytest.mark.keras

FEATURES = {"genres": ["jazz", "rock"], "representation": {"name": "thesis", "n_bands": 4}}


@pytest.fixture(scope="module")
def network() -> Network:
    import keras

    return keras.Sequential(
        [keras.Input((4, 5)), keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    )


@pytest.fixture
def run_id(tracking: Tracking, parent_run_id: str, cell: RunCell) -> str:
    return start_run(tracking, parent_run_id, cell)


def test_a_network_comes_back_with_the_same_answers(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    matrices = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)

    model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)

    loaded = load_network(tracking, model_uri)
    np.testing.assert_array_equal(np.asarray(loaded(matrices)), np.asarray(network(matrices)))


def test_a_network_carries_its_feature_settings(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)

    assert load_features(tracking, model_uri) == FEATURES


def test_a_temperature_lies_beside_the_network_and_is_one_where_none_was_logged(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)
    before = load_temperature(tracking, model_uri)

    log_temperature(tracking, model_uri, 1.75)

    assert (before, load_temperature(tracking, model_uri)) == (1.0, 1.75)
    assert load_features(tracking, model_uri) == FEATURES


@pytest.mark.parametrize(
    "novelty",
    [None, Novelty(references=np.eye(2, 3, dtype=np.float16), threshold=0.5, refuse_share=0.05)],
)
def test_a_certainty_lies_beside_the_network_and_is_unfitted_where_none_was_logged(
    tracking: Tracking, run_id: str, network: Network, novelty: Novelty | None
) -> None:
    model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)
    before = load_certainty(tracking, model_uri)

    log_certainty(
        tracking, model_uri, Certainty(coverage=0.9, least_probability=0.25, novelty=novelty)
    )

    after = load_certainty(tracking, model_uri)
    assert (before.coverage, before.least_probability, before.novelty) == (None, None, None)
    assert (after.coverage, after.least_probability) == (0.9, 0.25)
    assert (after.novelty is None) == (novelty is None)
    if novelty and after.novelty:
        assert after.novelty.threshold == 0.5
        np.testing.assert_array_equal(after.novelty.references, novelty.references)


def test_a_network_belongs_to_its_run_and_tells_its_size(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)

    run = tracking.client.get_run(run_id)
    assert [f"models:/{model.model_id}" for model in run.outputs.model_outputs] == [model_uri]
    assert run.data.params["n_parameters"] == "42"  # 4 * 5 * 2 weights and 2 biases


def test_a_network_says_what_it_takes_and_gives(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)

    logged = tracking.client.get_logged_model(model_uri.removeprefix("models:/"))
    found = Model.load(download_artifacts(logged.artifact_location))
    assert found.signature.inputs.input_names() == ["song", "audio_base64"]
    outputs = ["song", "genre", "probabilities", "error", "champion"]
    outputs += ["confidence", "unknown", "alternatives"]
    assert found.signature.outputs.input_names() == outputs
    network = ModelSignature.from_dict(found.metadata["network_signature"])
    assert network.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "float32", "shape": (-1, 4, 5)}
    assert network.outputs.to_dict()[0]["tensor-spec"] == {"dtype": "float32", "shape": (-1, 2)}


def test_scores_stand_on_the_page_of_the_network_too(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)

    log_scores(tracking, run_id, {"test_song_mean_macro_f1": 0.75})

    logged = tracking.client.get_logged_model(model_uri.removeprefix("models:/"))
    assert [(score.key, score.value) for score in logged.metrics] == [
        ("test_song_mean_macro_f1", 0.75)
    ]


def test_a_network_whose_settings_are_no_json_is_marked_as_failed(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        log_network(tracking, run_id, network, (4, 5), {"genres": {"jazz"}})

    models = tracking.client.search_logged_models([tracking.experiment_id])
    assert [model.status for model in models] == ["FAILED"]


def test_registering_a_network_twice_gives_one_version(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)

    first = register_run(tracking, run_id, model_uri, {"network": "cnn"})
    describe_version(tracking, first, "best on validation")

    assert register_run(tracking, run_id, model_uri, {"network": "cnn"}) == first == 1


def test_the_champion_is_the_version_put_in_use(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    uris = [log_network(tracking, run_id, network, (4, 5), FEATURES) for _ in range(2)]
    versions = [register_run(tracking, run_id, uri, {}) for uri in uris]

    set_champion(tracking, versions[0])
    before = champion(tracking)
    set_champion(tracking, versions[1])
    after = champion(tracking)

    assert before == Champion(version=1, run_id=run_id, model_uri=uris[0])
    assert after == Champion(version=2, run_id=run_id, model_uri=uris[1])


def test_a_registered_network_names_its_version_on_its_own_page(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)

    register_run(tracking, run_id, model_uri, {})

    logged = tracking.client.get_logged_model(model_uri.removeprefix("models:/"))
    links = json.loads(logged.tags["mlflow.modelVersions"])
    assert links == [{"name": "genreflow", "version": 1}]


def test_the_champion_moves_with_its_home(
    tracking: Tracking, run_id: str, network: Network, tmp_path: Path
) -> None:
    model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)
    set_champion(tracking, register_run(tracking, run_id, model_uri, {}))
    moved = DataLayout(tmp_path / "moved")
    moved.home.mkdir()
    tracking.layout.mlflow_db.rename(moved.mlflow_db)
    tracking.layout.mlflow_artifacts.rename(moved.mlflow_artifacts)

    after = open_tracking(moved)

    version = after.client.get_model_version("genreflow", "1")
    assert champion(after) == Champion(version=1, run_id=run_id, model_uri=model_uri)
    assert load_features(after, model_uri) == FEATURES
    assert version.source.startswith(moved.mlflow_artifacts.as_uri())


def test_a_network_that_was_tidied_away_is_told_by_its_settings_too(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)
    shutil.rmtree(tracking.layout.mlflow_artifacts / "models" / model_uri.split("/")[-1])

    for load in (load_features, load_network):
        with pytest.raises(CatalogMismatch, match="cannot be loaded; `genreflow tidy` removes"):
            load(tracking, model_uri)

"""Models logged, loaded, registered and exported, with tiny real networks."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow.models import Model as LoggedFile
from mlflow.models import ModelSignature
from mlflow.utils import environment

from genre_core.errors import CatalogMismatch
from genre_core.evaluation.certainty import Certainty
from genre_core.evaluation.novelty import Novelty
from genre_core.representations.embeddings import Embedding
from genre_core.representations.features import FeatureConfig
from storage.embeddings.embedder import Model
from storage.embeddings.weights import builtin_embedding
from storage.files import digest_file
from storage.home import DataLayout
from storage.models.champion import Champion, card_file, may_be_registered, read_export
from storage.models.litert import LiteRTModel
from storage.models.logged import (
    Network,
    delete_model,
    describe_model,
    export_model,
    find_embedder,
    load_model,
    log_fitted,
    log_model,
)
from storage.models.network_file import load_network
from storage.models.registry import (
    describe_version,
    find_alias,
    register_model,
    set_alias,
)
from storage.models.runs import log_scores
from storage.models.store import Tracking, open_tracking

pytestmark = pytest.mark.keras

DOCUMENT = {"genres": ["jazz", "rock"], "features": FeatureConfig().as_document()}
NOVELTY = Novelty(references=np.eye(2, 3, dtype=np.float16), threshold=0.5, refuse_share=0.05)
CERTAINTY = Certainty(coverage=0.9, least_probability=0.25, novelty=NOVELTY)


@pytest.fixture(scope="module")
def network() -> Network:
    from genre_core.networks.registry import build_network

    return build_network("rnn_tanh", (12, 9), 2)


def matrices_of_noise() -> np.ndarray:
    return np.random.default_rng(0).random((4, 12, 9), dtype=np.float32)


def test_a_model_comes_back_with_its_predictions_and_all_that_predicting_needs(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    uri = log_model(tracking, run_id, network, DOCUMENT)
    before = describe_model(tracking, uri)
    log_fitted(tracking, uri, 1.75, CERTAINTY)

    loaded, after = load_model(tracking, uri), describe_model(tracking, uri)

    matrices = matrices_of_noise()
    np.testing.assert_array_equal(np.asarray(loaded(matrices)), np.asarray(network(matrices)))
    assert before.document == after.document == DOCUMENT
    assert (before.temperature, before.certainty.coverage) == (1.0, None)
    assert (after.temperature, after.certainty.coverage) == (1.75, 0.9)
    assert after.certainty.novelty is not None
    np.testing.assert_array_equal(after.certainty.novelty.references, NOVELTY.references)


def test_a_model_belongs_to_its_run_which_stays_open_and_has_its_scores(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    uri = log_model(tracking, run_id, network, DOCUMENT)
    log_scores(tracking, run_id, {"test_song_mean_macro_f1": 0.75})

    run = tracking.client.get_run(run_id)
    logged = tracking.client.get_logged_model(uri.removeprefix("models:/"))
    assert [f"models:/{model.model_id}" for model in run.outputs.model_outputs] == [uri]
    assert run.info.status == "RUNNING"
    assert run.data.params["n_parameters"] == str(network.count_params())
    assert (logged.name, logged.status, logged.params["seed"]) == ("cnn", "READY", "0")
    assert [(score.key, score.value) for score in logged.metrics] == [
        ("test_song_mean_macro_f1", 0.75)
    ]


def test_mlflow_serves_a_model_by_songs_and_keeps_the_signature_of_its_network(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    uri = log_model(tracking, run_id, network, DOCUMENT)

    found = LoggedFile.load(uri)
    answer = mlflow.pyfunc.load_model(uri).predict([{"song": "/absent.wav"}])

    outputs = ["song", "genre", "probabilities", "error", "champion"]
    outputs += ["confidence", "unknown", "alternatives"]
    assert found.signature.inputs.input_names() == ["song", "audio_base64"]
    assert found.signature.outputs.input_names() == outputs == list(answer.columns)
    inner = ModelSignature.from_dict(found.metadata["network_signature"])
    assert inner.inputs.to_dict()[0]["tensor-spec"]["shape"] == (-1, 12, 9)
    assert inner.outputs.to_dict()[0]["tensor-spec"]["shape"] == (-1, 2)
    assert (answer["champion"][0], answer["genre"][0]) == (0, "")
    assert "see its log" in answer["error"][0]


def test_an_environment_without_pip_is_no_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(environment, "_get_package_version", lambda package: None)
    monkeypatch.setattr(logging.getLogger("mlflow"), "propagate", True)

    described = environment._mlflow_conda_env(additional_pip_deps=["keras"])

    assert "pip" in described["dependencies"]
    assert caplog.messages == []


def test_a_description_that_is_no_json_leaves_no_model(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        log_model(tracking, run_id, network, {"genres": {"jazz"}})

    assert tracking.client.search_logged_models([tracking.experiment_id]) == []


def test_a_deleted_model_is_reported_and_its_files_are_gone(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    uris = [log_model(tracking, run_id, network, DOCUMENT) for _ in range(2)]
    delete_model(tracking, uris[0].removeprefix("models:/"))
    shutil.rmtree(tracking.layout.mlflow_artifacts / "models" / uris[1].removeprefix("models:/"))

    for uri in uris:
        for load in (describe_model, load_model):
            with pytest.raises(CatalogMismatch, match="cannot be loaded; `genreflow tidy` removes"):
                load(tracking, uri)
    assert list(tracking.layout.mlflow_artifacts.rglob("network.keras")) == []


def test_a_model_has_one_version_which_its_page_names(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    uri = log_model(tracking, run_id, network, DOCUMENT)

    version = register_model(tracking, uri, {"network": "cnn"})
    describe_version(tracking, version, "best on validation")

    logged = tracking.client.get_logged_model(uri.removeprefix("models:/"))
    registered = tracking.client.get_model_version("genreflow", "1")
    assert register_model(tracking, uri, {"network": "cnn"}) == version == 1
    assert json.loads(logged.tags["mlflow.modelVersions"]) == [{"name": "genreflow", "version": 1}]
    assert (registered.run_id, registered.description) == (run_id, "best on validation")
    assert [may_be_registered(tracking.layout, number) for number in (1, 2)] == [True, False]


def test_an_alias_names_the_version_that_it_was_moved_to(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    unregistered = find_alias(tracking, "champion")
    uris = [log_model(tracking, run_id, network, DOCUMENT) for _ in range(2)]
    versions = [register_model(tracking, uri, {}) for uri in uris]
    found = [find_alias(tracking, "champion")]

    for version in versions:
        set_alias(tracking, "champion", version)
        found.append(find_alias(tracking, "champion"))
    set_alias(tracking, "champion", None)

    expected = [Champion(version=n, run_id=run_id, model_uri=uris[n - 1]) for n in (1, 2)]
    assert [unregistered, *found] == [None, None, *expected]
    assert find_alias(tracking, "champion") is None


def test_the_champion_moves_with_its_home(
    tracking: Tracking, run_id: str, network: Network, tmp_path: Path
) -> None:
    uri = log_model(tracking, run_id, network, DOCUMENT)
    set_alias(tracking, "champion", register_model(tracking, uri, {}))
    moved = DataLayout(tmp_path / "moved")
    moved.home.mkdir()
    tracking.layout.mlflow_db.rename(moved.mlflow_db)
    tracking.layout.mlflow_artifacts.rename(moved.mlflow_artifacts)

    after = open_tracking(moved)

    assert find_alias(after, "champion") == Champion(version=1, run_id=run_id, model_uri=uri)
    assert describe_model(after, uri).document == DOCUMENT


def test_the_champion_is_exported_to_the_home_and_beside_its_logged_model(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    uri = log_model(tracking, run_id, network, DOCUMENT)
    log_fitted(tracking, uri, 1.25, CERTAINTY)

    export_model(tracking, Champion(version=3, run_id=run_id, model_uri=uri))

    model = tracking.layout.mlflow_artifacts / "models" / uri.removeprefix("models:/")
    exported = [read_export(f) for f in (tracking.layout.champion, model / "artifacts" / "export")]
    predicted = LiteRTModel(exported[0].network).predict_genres(matrices_of_noise())
    expected = np.asarray(network(matrices_of_noise()))
    np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-5)
    assert exported[0].document == exported[1].document
    assert exported[0].document == {
        "version": 3,
        "model_uri": uri,
        "temperature": 1.25,
        **DOCUMENT,
    }
    assert exported[0].certainty.coverage == 0.9


def test_the_card_of_a_version_is_not_changed_by_a_second_export(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    uri = log_model(tracking, run_id, network, DOCUMENT)
    card = card_file(tracking.layout, 3)
    card.parent.mkdir(parents=True)
    card.write_text("of the day of its promotion", "utf-8")

    export_model(tracking, Champion(version=3, run_id=run_id, model_uri=uri))

    assert card.read_text("utf-8") == "of the day of its promotion"


def test_a_text_that_is_too_long_for_mlflow_names_the_whole_card(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    version = register_model(tracking, log_model(tracking, run_id, network, DOCUMENT), {})

    describe_version(tracking, version, "\n".join(["first line", *["x" * 99] * 60]))

    lines = tracking.client.get_model_version("genreflow", str(version)).description.splitlines()
    assert lines[0] == "first line"
    assert "export/model-card.md" in lines[-1]


def test_a_network_that_litert_cannot_run_is_exported_as_keras_file_and_the_log_says_so(
    tracking: Tracking, run_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    import keras

    matrix = keras.Input((12, 9))
    inner = keras.ops.erfinv(keras.layers.Flatten()(matrix))
    network = keras.Model(matrix, keras.layers.Dense(2, activation="softmax")(inner))
    uri = log_model(tracking, run_id, network, DOCUMENT)

    export_model(tracking, Champion(version=1, run_id=run_id, model_uri=uri))

    assert read_export(tracking.layout.champion).suffix == ".keras"
    assert "version 1 cannot be converted to LiteRT" in caplog.text


OWN = Embedding(name="mine", digest="d", sample_rate=16_000, window_s=1.0, hop_s=1.0, n_features=2)


def describe(file: Path) -> dict[str, Any]:
    """What a run keeps of its embedding's model."""
    described = {"file": str(file), "sha256": digest_file(file)}
    return {"embedder": {**Model(embedding=OWN, file=file).as_document(), **described}}


def test_the_model_of_the_embedding_is_found_again_and_another_file_is_refused(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mine.tflite"
    file.write_bytes(b"first")
    document = describe(file)

    found = find_embedder(document)
    file.write_bytes(b"second")

    assert found == Model(embedding=OWN, file=file)
    with pytest.raises(CatalogMismatch, match="is not the model of the embedding 'mine'"):
        find_embedder(document)


def test_weights_of_another_conversion_are_refused() -> None:
    embedding = {**builtin_embedding("musicnn").as_document(), "digest": "of another conversion"}

    with pytest.raises(CatalogMismatch, match="train again"):
        find_embedder({"embedder": {"embedding": embedding}})
    assert find_embedder({"genres": ["jazz"]}) is None


def test_a_network_that_was_replaced_is_not_loaded(
    tracking: Tracking, run_id: str, network: Network
) -> None:
    uri = log_model(tracking, run_id, network, DOCUMENT)
    (file,) = tracking.layout.mlflow_artifacts.rglob("network.keras")
    network.set_weights([2 * weights for weights in network.get_weights()])
    network.save(file)

    with pytest.raises(CatalogMismatch, match="is not the network that this home has trained"):
        load_model(tracking, uri)


def test_a_keras_file_that_holds_code_is_not_loaded(tmp_path: Path) -> None:
    import keras

    code = keras.layers.Lambda(lambda x: x)
    keras.Sequential([keras.Input((1,)), code]).save(tmp_path / "network.keras")

    with pytest.raises(ValueError, match="Lambda"):
        load_network(tmp_path / "network.keras")

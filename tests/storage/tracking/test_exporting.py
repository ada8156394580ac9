"""The champion exported from MLflow, and its alias read without MLflow."""

import sqlite3
from collections.abc import Callable

import numpy as np
import pytest

from genre_core.representations.features import FeatureConfig
from storage.home import DataLayout
from storage.models.alias import CHAMPION, REGISTERED, Champion, read_alias
from storage.models.exporting import export_champion
from storage.models.exports import has_export, read_export
from storage.models.litert import LightNetwork
from storage.models.networks import Network, log_network, log_temperature
from storage.models.registry import champion, register_run, set_champion
from storage.models.runs import RunCell, start_run
from storage.models.store import Tracking

pytestmark = pytest.mark.keras

FEATURES = {"genres": ["jazz", "rock"], "features": FeatureConfig().as_document()}
Register = Callable[[Network], int]


@pytest.fixture
def register(tracking: Tracking, parent_run_id: str, cell: RunCell) -> Register:
    """Log a network and register it; give its version."""

    def log(network: Network) -> int:
        run_id = start_run(tracking, parent_run_id, cell)
        model_uri = log_network(tracking, run_id, network, network.input_shape[1:], FEATURES)
        log_temperature(tracking, model_uri, 1.25)
        return register_run(tracking, run_id, model_uri, {})

    return log


def small_network() -> Network:
    from genre_core.networks.registry import build_network

    return build_network("rnn_tanh", (12, 9), 2)


def stubborn_network() -> Network:
    """A network with an operation that LiteRT does not have."""
    import keras

    matrix = keras.Input((12, 9))
    inner = keras.ops.erfinv(keras.layers.Flatten()(matrix))
    return keras.Model(matrix, keras.layers.Dense(2, activation="softmax")(inner))


def reigning(tracking: Tracking) -> Champion:
    found = champion(tracking)
    assert found is not None
    return found


def test_nobody_reigns_before_the_first_promotion(tracking: Tracking, register: Register) -> None:
    before = read_alias(tracking.layout)

    register(small_network())

    assert before is None
    assert read_alias(tracking.layout) is None


def test_the_alias_is_read_as_mlflow_says_it_and_follows_it(
    tracking: Tracking, register: Register
) -> None:
    versions = [register(small_network()), register(small_network())]
    said = []

    for version in (*versions, versions[0]):
        set_champion(tracking, version)
        said.append((read_alias(tracking.layout), champion(tracking)))
    tracking.client.delete_registered_model_alias(REGISTERED, CHAMPION)

    assert [alias.version for alias, _ in said if alias] == [1, 2, 1]
    assert all(alias == found for alias, found in said)
    assert read_alias(tracking.layout) is None


def test_a_version_that_something_else_registered_has_no_address(tracking: Tracking) -> None:
    tracking.client.create_registered_model(REGISTERED)
    tracking.client.create_model_version(REGISTERED, "file:///elsewhere", run_id=None)
    set_champion(tracking, 1)

    alias = read_alias(tracking.layout)

    assert alias is not None
    assert (alias.version, alias.model_uri) == (1, "")
    assert not has_export(tracking.layout, alias)


def test_tables_that_are_not_mlflow_s_are_told(layout: DataLayout) -> None:
    layout.mlflow_db.write_bytes(b"")

    with pytest.raises(sqlite3.Error, match="no such table"):
        read_alias(layout)


def test_the_champion_is_exported_with_what_was_logged_beside_it(
    tracking: Tracking, register: Register
) -> None:
    network = small_network()
    set_champion(tracking, register(network))

    is_exported = export_champion(tracking, reigning(tracking))

    exported = read_export(tracking.layout, reigning(tracking))
    matrices = np.random.default_rng(0).random((4, 12, 9), dtype=np.float32)
    said = LightNetwork(exported.network).predict_genres(matrices)
    assert is_exported
    np.testing.assert_allclose(said, np.asarray(network(matrices)), rtol=0, atol=1e-5)
    assert exported.document["genres"] == ["jazz", "rock"]
    assert exported.document["features"] == FEATURES["features"]
    assert exported.document["temperature"] == 1.25


def test_a_network_that_cannot_be_exported_reigns_all_the_same_and_the_log_says_so(
    tracking: Tracking, register: Register, caplog: pytest.LogCaptureFixture
) -> None:
    set_champion(tracking, register(stubborn_network()))

    is_exported = export_champion(tracking, reigning(tracking))

    assert not is_exported
    assert not has_export(tracking.layout, reigning(tracking))
    assert "version 1 cannot be exported" in caplog.text
    assert reigning(tracking).version == 1

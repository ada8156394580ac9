"""Runs and models on a real tracking server; sentences where it fails, refuses or is another's."""

from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from mlflow import MlflowClient

from genre_core.errors import TransientError, UsageError
from genre_core.representations.features import FeatureConfig
from storage.home import DataLayout
from storage.maintenance.doctor import examine
from storage.models.alias import Champion, read_alias
from storage.models.exporting import export_champion
from storage.models.exports import read_export
from storage.models.networks import (
    load_features,
    load_network,
    load_temperature,
    log_network,
    log_temperature,
)
from storage.models.registry import champion, register_run, set_alias, set_champion
from storage.models.runs import (
    RunCell,
    comparison,
    log_epoch,
    log_json,
    log_scores,
    read_curve,
    training_run,
)
from storage.models.server_runs import require_server
from storage.models.store import Tracking, guard_client, open_tracking
from tests.storage.tracking.server import free_port, serve_tracking

FEATURES = {"genres": ["jazz", "rock"], "features": FeatureConfig().as_document()}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_tracking(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="module")
def team(address: str, tmp_path_factory: pytest.TempPathFactory) -> DataLayout:
    """The one home whose runs the server has."""
    layout = DataLayout(tmp_path_factory.mktemp("team"), tracking_server=address)
    open_tracking(layout)
    return layout


@pytest.fixture
def tracking(team: DataLayout) -> Tracking:
    return open_tracking(team)


@pytest.fixture
def nowhere(tmp_path: Path) -> DataLayout:
    """A home whose server is down."""
    return DataLayout(tmp_path, tracking_server=f"http://127.0.0.1:{free_port()}")


def test_a_run_is_on_the_server_with_curves_scores_and_files_and_the_home_has_no_database(
    tracking: Tracking, cell: RunCell
) -> None:
    with (
        comparison(tracking, "one network", {}) as parent,
        training_run(tracking, parent, cell) as run_id,
    ):
        log_epoch(tracking, run_id, {"epoch_train_loss": 0.7}, 1)
        log_epoch(tracking, run_id, {"epoch_train_loss": 0.4}, 2)
        log_scores(tracking, run_id, {"test_song_mean_accuracy": 0.75})
        log_json(tracking, run_id, {"jazz": [3, 1]}, "confusion")

    run = tracking.client.get_run(run_id)
    assert (run.info.status, run.data.metrics["test_song_mean_accuracy"]) == ("FINISHED", 0.75)
    assert read_curve(tracking, run_id, "train_loss") == [0.7, 0.4]
    assert [f.path for f in tracking.client.list_artifacts(run_id)] == ["confusion.json"]
    assert not tracking.layout.mlflow_db.exists()
    assert not tracking.layout.mlflow_artifacts.exists()


@pytest.mark.keras
def test_a_network_reigns_from_the_server_and_its_alias_is_read_without_mlflow(
    tracking: Tracking, cell: RunCell
) -> None:
    import keras

    matrix = keras.Input((4, 5))
    flat = keras.layers.Flatten()(matrix)
    network = keras.Model(matrix, keras.layers.Dense(2, activation="softmax")(flat))
    matrices = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
    before = read_alias(tracking.layout)
    with comparison(tracking, "one", {}) as parent, training_run(tracking, parent, cell) as run_id:
        model_uri = log_network(tracking, run_id, network, (4, 5), FEATURES)
    untempered = load_temperature(tracking, model_uri)
    log_temperature(tracking, model_uri, 1.75)

    version = register_run(tracking, run_id, model_uri, {"snapshot_id": "3f9a"})
    set_champion(tracking, version)
    is_exported = export_champion(tracking, Champion(version=1, run_id=run_id, model_uri=model_uri))

    reigning = Champion(version=1, run_id=run_id, model_uri=model_uri)
    assert before is None
    assert read_alias(tracking.layout) == champion(tracking) == reigning
    assert register_run(tracking, run_id, model_uri, {}) == 1
    assert load_features(tracking, model_uri) == FEATURES
    assert (untempered, load_temperature(tracking, model_uri)) == (1.0, 1.75)
    loaded = load_network(tracking, model_uri)
    np.testing.assert_array_equal(np.asarray(loaded(matrices)), np.asarray(network(matrices)))
    assert is_exported
    assert read_export(tracking.layout, reigning).document["temperature"] == 1.75
    set_alias(tracking, "champion", None)
    assert read_alias(tracking.layout) is None


def test_the_doctor_asks_the_server_and_says_what_it_answers(
    team: DataLayout, nowhere: DataLayout
) -> None:
    well, silent = (
        next(finding for finding in examine(layout) if finding.name == "runs")
        for layout in (team, nowhere)
    )

    assert (well.ok, silent.ok) == (True, False)
    assert well.message == f"{team.tracking_server} can be read; no champion yet"
    assert "cannot be reached" in silent.message


def test_a_home_whose_runs_are_on_a_server_does_not_begin_others_without_it(
    team: DataLayout,
) -> None:
    with pytest.raises(UsageError, match=r"are on the tracking server http://127.*Set `tracking`"):
        open_tracking(replace(team, tracking_server=""))

    assert not team.mlflow_db.exists()


def test_a_home_with_runs_of_its_own_does_not_begin_others_on_a_server(
    layout: DataLayout, address: str
) -> None:
    with pytest.raises(UsageError, match=r"are in its own mlflow\.db, and cannot be moved"):
        read_alias(replace(layout, tracking_server=address))


def test_a_database_that_mlflow_made_in_a_team_home_is_no_run_of_the_home(team: DataLayout) -> None:
    team.mlflow_db.touch()
    try:
        assert read_alias(team) is None
    finally:
        team.mlflow_db.unlink()


def test_another_home_does_not_train_on_the_server_of_the_first(
    team: DataLayout, address: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=f"is not of {tmp_path}: one home alone trains there"):
        open_tracking(DataLayout(tmp_path, tracking_server=address))


def test_the_same_server_under_another_address_is_known_and_another_server_is_refused(
    team: DataLayout, address: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    open_tracking(replace(team, tracking_server=address.replace("127.0.0.1", "localhost")))
    said = team.tracking_note.read_text("utf-8")
    open_tracking(team)
    with HTTPServer(("127.0.0.1", 0), _EmptyServer) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        elsewhere = f"http://127.0.0.1:{other.server_port}"

        with pytest.raises(UsageError, match=f"{elsewhere} does not hold the runs of"):
            open_tracking(replace(team, tracking_server=elsewhere))

        other.shutdown()
    assert said.startswith("http://localhost:")
    assert team.tracking_note.read_text("utf-8") == address


class _EmptyServer(BaseHTTPRequestHandler):
    """Answers as a tracking server without an experiment does."""

    status, body = 404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}'

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def serve_answer(status: int, body: bytes) -> HTTPServer:
    handler = type("Answer", (_EmptyServer,), {"status": status, "body": body})
    server = HTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (401, UsageError, "refuses: 401 Unauthorized. Set MLFLOW_TRACKING_USERNAME and"),
        (403, UsageError, "refuses: 403 Forbidden"),
        (502, TransientError, "cannot be reached: it answers 502 Bad Gateway"),
        (200, UsageError, "answers 200 OK, which no MLflow tracking server does"),
    ],
)
def test_what_a_server_answers_instead_of_a_champion_is_told(
    tmp_path: Path, status: int, error: type[Exception], sentence: str
) -> None:
    with serve_answer(status, b"You are not authenticated.") as server:
        layout = DataLayout(tmp_path, tracking_server=f"http://127.0.0.1:{server.server_port}")

        with pytest.raises(error, match=sentence):
            read_alias(layout)

        server.shutdown()


def test_a_server_with_accounts_that_has_no_network_yet_has_no_champion(tmp_path: Path) -> None:
    class WithAccounts(_EmptyServer):
        """Answers as MLflow 3.17.2 does with ``--app-name basic-auth``."""

        def do_GET(self) -> None:
            is_search = "/registered-models/search?" in self.path
            self.status, self.body = (200, b"{}") if is_search else (403, b"Permission denied")
            super().do_GET()

    with HTTPServer(("127.0.0.1", 0), WithAccounts) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        layout = DataLayout(tmp_path, tracking_server=f"http://127.0.0.1:{server.server_port}")

        reigning = read_alias(layout)

        server.shutdown()
    assert reigning is None


def test_the_credentials_of_the_environment_are_sent_and_shown_to_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str | None] = []

    class Refusing(_EmptyServer):
        status, body = 401, b"no"

        def do_GET(self) -> None:
            sent.append(self.headers["Authorization"])
            super().do_GET()

    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "lovelace")
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        layout = DataLayout(tmp_path, tracking_server=f"http://127.0.0.1:{server.server_port}")

        with pytest.raises(UsageError) as refused:
            open_tracking(layout)

        server.shutdown()
    assert sent == ["Basic YWRhOmxvdmVsYWNl"]  # base64 of ada:lovelace
    assert "lovelace" not in str(refused.value)


def test_a_server_that_is_down_is_told_at_once(nowhere: DataLayout) -> None:
    for ask in (read_alias, open_tracking):
        with pytest.raises(TransientError, match=r"cannot be reached: .*refused.*then try again"):
            ask(nowhere)


def test_a_server_that_goes_away_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    address = f"http://127.0.0.1:{free_port()}"
    client = guard_client(MlflowClient(tracking_uri=address, registry_uri=address), address)

    with pytest.raises(TransientError, match=f"The tracking server {address} cannot be reached"):
        client.get_run("3f9a")


@pytest.mark.parametrize(
    "setting",
    [
        "postgresql://ada:lovelace@127.0.0.1/mlflow",
        "sqlite:///mlflow.db",
        "127.0.0.1:5000",
        "http://",
        "http://host:port",
    ],
)
def test_only_the_address_of_a_server_is_taken_and_what_else_was_set_is_not_shown(
    setting: str,
) -> None:
    with pytest.raises(UsageError, match="is no address of a tracking server") as refused:
        require_server(setting)

    assert "lovelace" not in str(refused.value)


def test_credentials_in_the_address_are_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="MLFLOW_TRACKING_USERNAME") as refused:
        require_server("https://ada:lovelace@mlflow.example.org")

    assert "lovelace" not in str(refused.value)

"""Runs and models on a real tracking server; sentences where it fails, refuses or is another's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from genre_core.errors import TransientError, UsageError
from genre_core.evaluation.certainty import Certainty
from genre_core.representations.features import FeatureConfig
from storage.home import DataLayout
from storage.maintenance.doctor import examine
from storage.models.champion import Champion, read_export
from storage.models.logged import describe_model, export_model, load_model, log_fitted, log_model
from storage.models.registry import find_alias, register_model, set_alias
from storage.models.runs import (
    RunDescription,
    log_curve,
    log_json,
    log_scores,
    open_run,
    read_curve,
    read_document,
    start_training,
)
from storage.models.server import require_answer, require_server
from storage.models.store import Tracking, open_tracking, reporting
from tests.storage.models.server import free_port, serve_tracking

DOCUMENT = {"genres": ["jazz", "rock"], "features": FeatureConfig().as_document()}
SERVER = "http://127.0.0.1:5000"


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
    tracking: Tracking,
) -> None:
    with open_run(tracking, "one network", "comparison", {}) as run_id:
        with log_curve(tracking, run_id) as log:
            log({"epoch_train_loss": 0.7}, 1)
            log({"epoch_train_loss": 0.4}, 2)
        log_scores(tracking, run_id, {"test_song_mean_accuracy": 0.75})
        log_json(tracking, run_id, {"jazz": [3, 1]}, "confusion")

    run = tracking.client.get_run(run_id)
    assert (run.info.status, run.data.metrics["test_song_mean_accuracy"]) == ("FINISHED", 0.75)
    assert read_curve(tracking, run_id, "train_loss") == [0.7, 0.4]
    assert read_document(tracking, run_id, "confusion") == {"jazz": [3, 1]}
    assert not tracking.layout.mlflow_db.exists()
    assert not tracking.layout.mlflow_artifacts.exists()


@pytest.mark.keras
def test_a_model_is_logged_registered_and_exported_on_a_server_as_in_a_home(
    tracking: Tracking, described: RunDescription
) -> None:
    import keras

    matrix = keras.Input((4, 5))
    flat = keras.layers.Flatten()(matrix)
    network = keras.Model(matrix, keras.layers.Dense(2, activation="softmax")(flat))
    matrices = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
    before = find_alias(tracking, "champion")
    run_id = start_training(tracking, "", described)
    uri = log_model(tracking, run_id, network, DOCUMENT)
    untempered = describe_model(tracking, uri).temperature
    log_fitted(tracking, uri, 1.75, Certainty())

    version = register_model(tracking, uri, {"snapshot_id": "3f9a"})
    set_alias(tracking, "champion", version)
    export_model(tracking, Champion(version=version, run_id=run_id, model_uri=uri))

    found = describe_model(tracking, uri)
    loaded = load_model(tracking, uri)
    assert before is None
    champion = Champion(version=1, run_id=run_id, model_uri=uri)
    assert find_alias(tracking, "champion") == champion
    assert register_model(tracking, uri, {}) == 1
    assert (found.document, untempered, found.temperature) == (DOCUMENT, 1.0, 1.75)
    np.testing.assert_array_equal(np.asarray(loaded(matrices)), np.asarray(network(matrices)))
    assert read_export(tracking.layout.champion).document["temperature"] == 1.75
    set_alias(tracking, "champion", None)
    assert find_alias(tracking, "champion") is None


def test_the_doctor_asks_the_server_and_reports_what_it_answers(
    team: DataLayout, nowhere: DataLayout
) -> None:
    well, silent = (
        next(finding for finding in examine(layout) if finding.name == "runs")
        for layout in (team, nowhere)
    )

    assert (well.ok, silent.ok) == (True, False)
    assert well.message == f"{team.tracking_server} can be read; no champion yet"
    assert "cannot be reached" in silent.message


def test_the_runs_of_a_home_stay_where_they_are(
    team: DataLayout, layout: DataLayout, address: str
) -> None:
    with pytest.raises(UsageError, match=r"are on the tracking server http://127.*Set `tracking`"):
        open_tracking(replace(team, tracking_server=""))
    with pytest.raises(UsageError, match=r"are in its own mlflow\.db, and cannot be moved"):
        open_tracking(replace(layout, tracking_server=address))

    assert not team.mlflow_db.exists()


def test_another_home_has_an_experiment_and_versions_of_its_own_on_the_same_server(
    tracking: Tracking, address: str, described: RunDescription, tmp_path: Path
) -> None:
    others = open_tracking(DataLayout(tmp_path, tracking_server=address))
    again = open_tracking(DataLayout(tmp_path, tracking_server=address))

    run_id = start_training(others, "", described)

    home_id = (tmp_path / ".home-id").read_text("utf-8")
    experiment = others.client.get_experiment(others.experiment_id)
    assert experiment.name == others.registered == f"genreflow-{home_id[:8]}"
    assert str(tmp_path) in experiment.tags["mlflow.note.content"]
    assert again.experiment_id == others.experiment_id != tracking.experiment_id
    assert tracking.registered == "genreflow"
    mine = tracking.client.search_runs([tracking.experiment_id])
    assert run_id not in [run.info.run_id for run in mine]


class EmptyServer(BaseHTTPRequestHandler):
    """Answers as a tracking server without an experiment does."""

    status, body = 404, b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}'

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextmanager
def serve(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_same_server_under_another_address_is_known_and_another_server_is_refused(
    team: DataLayout, address: str
) -> None:
    open_tracking(replace(team, tracking_server=address.replace("127.0.0.1", "localhost")))
    noted = team.tracking_note.read_text("utf-8")
    open_tracking(team)

    with (
        serve(EmptyServer) as elsewhere,
        pytest.raises(UsageError, match=f"{elsewhere} does not hold the runs of"),
    ):
        open_tracking(replace(team, tracking_server=elsewhere))

    assert noted.startswith("http://localhost:")
    assert team.tracking_note.read_text("utf-8") == address


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        (401, UsageError, "refuses: 401 Unauthorized. Set MLFLOW_TRACKING_USERNAME and"),
        (403, UsageError, "refuses: 403 Forbidden"),
        (502, TransientError, "cannot be reached: it answers 502 Bad Gateway"),
        (200, UsageError, "answers 200 OK, which no MLflow tracking server does"),
    ],
)
def test_what_a_server_answers_instead_of_runs_is_reported(
    tmp_path: Path, status: int, error: type[Exception], sentence: str
) -> None:
    answer = type("Answer", (EmptyServer,), {"status": status, "body": b"Not authenticated."})

    with serve(answer) as address, pytest.raises(error, match=sentence):
        open_tracking(DataLayout(tmp_path, tracking_server=address))


def test_the_credentials_of_the_environment_are_sent_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str | None] = []

    class Refusing(EmptyServer):
        status, body = 401, b"no"

        def do_GET(self) -> None:
            sent.append(self.headers["Authorization"])
            super().do_GET()

    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "lovelace")
    with serve(Refusing) as address, pytest.raises(UsageError) as refused:
        open_tracking(DataLayout(tmp_path, tracking_server=address))

    assert sent == ["Basic YWRhOmxvdmVsYWNl"]  # base64 of ada:lovelace
    assert "lovelace" not in str(refused.value)


def test_a_server_that_is_down_is_reported_at_once(nowhere: DataLayout) -> None:
    def probe(layout: DataLayout) -> None:
        require_answer(layout.tracking_server)

    attempts: tuple[Callable[[DataLayout], object], ...] = (probe, open_tracking)
    for attempt in attempts:
        with pytest.raises(TransientError, match=r"cannot be reached: .*refused.*then try again"):
            attempt(nowhere)


def test_a_server_that_goes_away_is_reported_by_the_client(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    address = f"http://127.0.0.1:{free_port()}"
    client = type(tracking.client)(MlflowClient(address, address), address)

    with pytest.raises(TransientError, match=f"The tracking server {address} cannot be reached"):
        client.get_run("3f9a")


@pytest.mark.parametrize(
    ("status", "expected"), [(500, TransientError), (403, UsageError), (404, MlflowException)]
)
def test_an_answer_of_a_server_on_a_file_is_a_failure_unless_the_file_is_missing(
    status: int, expected: type[Exception]
) -> None:
    response = requests.Response()
    response.status_code = status

    def fetch() -> None:
        """Fail as MLflow does when it fetches a file and the server answers so."""
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            raise MlflowException(f"The file could not be fetched: {error}") from error

    with pytest.raises(expected, match=SERVER if status != 404 else "404"), reporting(SERVER):
        fetch()


@pytest.mark.parametrize(
    "setting",
    [
        "postgresql://ada:lovelace@127.0.0.1/mlflow",
        "sqlite:///mlflow.db",
        "127.0.0.1:5000",
        "http://",
        "http://host:port",
        "https://ada:lovelace@mlflow.example.org",
    ],
)
def test_only_the_address_of_a_server_is_taken_and_what_else_was_set_is_not_shown(
    setting: str,
) -> None:
    with pytest.raises(UsageError, match=r"no address of a|MLFLOW_TRACKING_USERNAME") as refused:
        require_server(setting)

    assert "lovelace" not in str(refused.value)

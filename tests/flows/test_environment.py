"""The environment: nothing is sent to anyone unless the user asks for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.environment import choose_device, prepare_environment, reach_loopback_directly

REPORT = """
import json, sys
from pathlib import Path
from flows.environment import prepare_environment
prepare_environment(Path(sys.argv[1]), verbose=False)
import prefect.settings
from mlflow.telemetry.utils import is_telemetry_disabled
from prefect._internal.analytics.enabled import is_telemetry_enabled
settings = prefect.settings.get_current_settings()
print(json.dumps({
    "prefect_home": str(settings.home),
    "server_analytics": settings.server.analytics_enabled,
    "client_analytics": is_telemetry_enabled(),
    "mlflow_disabled": is_telemetry_disabled(),
}))
"""


def ask(home: Path) -> dict[str, object]:
    names = ("PATH", "HOME", "TMPDIR")
    bare = {name: os.environ[name] for name in names if name in os.environ}
    answer = subprocess.run(
        [sys.executable, "-c", REPORT, str(home)],
        env=bare,
        cwd=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    home = tmp_path_factory.mktemp("home")
    return {"home": str(home), **ask(home)}


def test_the_telemetry_of_prefect_and_mlflow_is_off(plain: dict[str, object]) -> None:
    assert plain["server_analytics"] is False
    assert plain["client_analytics"] is False
    assert plain["mlflow_disabled"] is True


def test_the_state_of_prefect_is_below_the_home(plain: dict[str, object]) -> None:
    assert plain["prefect_home"] == f"{plain['home']}/prefect"


def test_what_the_user_has_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = {"PREFECT_HOME": str(tmp_path / "mine"), "PREFECT_LOGGING_LEVEL": "ERROR"}
    monkeypatch.setattr(os, "environ", dict(mine))

    prepare_environment(tmp_path, verbose=False)

    assert {name: os.environ[name] for name in mine} == mine
    assert os.environ["DO_NOT_TRACK"] == "true"


@pytest.mark.parametrize(("device", "visible"), [("cpu", "-1"), ("auto", "0")])
def test_a_gpu_is_hidden_unless_the_setting_device_is_auto(
    device: str, visible: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")

    choose_device(device)

    assert os.environ["CUDA_VISIBLE_DEVICES"] == visible


KERAS = """
import flows, json, keras, os
config = keras.config
print(json.dumps({
    "keras": [config.backend(), config.floatx(), config.epsilon(), config.image_data_format()],
    "epochs": config.max_epochs(),
    "home": os.environ["KERAS_HOME"],
    "threads": [os.environ.get(name) for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")],
    "kept": [os.environ.get(name) for name in ("TF_FORCE_GPU_ALLOW_GROWTH", "OTHER")],
}))
"""


@pytest.mark.keras
def test_what_the_user_has_set_for_other_networks_does_not_reach_those_of_genreflow(
    tmp_path: Path,
) -> None:
    mine = {"backend": "torch", "floatx": "float64", "image_data_format": "channels_first"}
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(mine | {"epsilon": 0.1}), "utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KERAS_BACKEND": "jax",
        "KERAS_MAX_EPOCHS": "1",
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "7",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "OTHER": "1",
    }

    def run(program: str, **more: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", program],
            env=environment | more,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]

    found = json.loads(run(KERAS))
    from_elsewhere = run(
        "import flows, os; print(os.environ['KERAS_HOME'])", KERAS_HOME=str(tmp_path / "elsewhere")
    )

    assert from_elsewhere == found.pop("home")
    assert found == {
        "keras": ["tensorflow", "float32", 1e-07, "channels_last"],
        "epochs": None,
        "threads": [None, "1"],
        "kept": ["true", "1"],
    }
    assert [path.parent.name for path in tmp_path.rglob("keras.json")] == [".keras"]


TWICE = """
import flows
from prefect import flow, task

@task
def publish(home): print("published", home, flush=True)

@flow
def night():
    publish("h")
    publish("h")

night()
"""


@pytest.mark.flow
@pytest.mark.prefect
@pytest.mark.usefixtures("prefect_server")
def test_a_step_that_is_called_twice_runs_twice_where_prefect_keeps_results() -> None:
    from prefect.settings import PREFECT_API_URL

    server = {"PREFECT_API_URL": PREFECT_API_URL.value() or ""}
    environment = {**os.environ, **server, "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "true"}

    answer = subprocess.run(
        [sys.executable, "-c", TWICE], env=environment, capture_output=True, text=True, check=True
    )

    assert answer.stdout.count("published h") == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"https_proxy": ""}, None),
        ({"http_proxy": "http://p.test:1"}, "127.0.0.1,localhost,::1"),
        ({"ALL_PROXY": "p.test", "NO_PROXY": "a.test,::1"}, "a.test,::1,127.0.0.1,localhost"),
        ({"HTTPS_PROXY": "http://p.test:1", "no_proxy": "*"}, "*"),
    ],
)
def test_a_proxy_gets_no_calls_to_this_machine(
    given: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", dict(given))

    reach_loopback_directly()

    assert os.environ.get("no_proxy", given.get("no_proxy")) == expected
    assert os.environ.get("NO_PROXY") == expected

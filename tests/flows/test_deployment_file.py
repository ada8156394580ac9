"""prefect.yaml: what it names is there."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import Flow
from prefect.flows import load_flow_from_entrypoint

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.prefect

DEPLOYED: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))[
    "deployments"
]


def test_all_five_flows_are_deployed() -> None:
    names = {deployment["name"] for deployment in DEPLOYED}

    assert names == {"nightly", "ingest", "extract", "train", "classify"}


def test_only_nightly_has_a_schedule_and_no_slot_can_be_kept_by_a_dead_run() -> None:
    schedules = {found["name"]: found.get("schedules", []) for found in DEPLOYED}

    assert schedules.pop("nightly") == [{"cron": "0 3 * * *", "timezone": "UTC", "active": True}]
    assert not any(schedules.values())
    assert {found["work_pool"]["name"] for found in DEPLOYED} == {"genreflow"}
    assert not any("concurrency_limit" in found for found in DEPLOYED)


@pytest.mark.parametrize("deployment", DEPLOYED, ids=lambda deployment: deployment["name"])
def test_every_entrypoint_is_a_flow_of_that_name(
    deployment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    flow = load_flow_from_entrypoint(deployment["entrypoint"])

    assert isinstance(flow, Flow)
    assert flow.name == deployment["name"]


@pytest.mark.parametrize("name", ["nightly", "ingest", "extract", "train", "promote"])
def test_a_deployment_need_not_give_a_config(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    flow = load_flow_from_entrypoint(f"flows/{name}.py:{name}")

    assert flow.validate_parameters({"config": None})["config"] is None
    assert flow.parameters.required == []

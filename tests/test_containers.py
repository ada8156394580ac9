"""Dockerfile and compose.yaml: what they name is there, and nothing is open or has rights."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.cli.app import command_name
from flows.cli.main import app

PROJECT = Path(__file__).parents[1]
DOCKERFILE = (PROJECT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name: service for name, service in SERVICES.items() if "build" in service}
STAGES = re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)
IGNORED = (PROJECT / ".dockerignore").read_text("utf-8").splitlines()


def _copied() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1] if source != "."]


@pytest.mark.parametrize("source", _copied())
def test_what_is_copied_is_there_and_goes_to_the_build(source: str) -> None:
    assert (PROJECT / source).exists()
    kept = [line[1:] for line in IGNORED if line.startswith("!")]
    assert any(Path(source).match(rule) or source.startswith(f"{rule}/") for rule in kept)


def test_all_packages_of_the_wheel_go_to_the_build() -> None:
    pyproject = (PROJECT / "pyproject.toml").read_text("utf-8")
    packages = re.findall(r'"(\w+)\*"', pyproject.partition("packages.find]")[2].partition("]")[0])
    assert len(packages) >= 5
    assert {f"!{package}" for package in packages} <= {*IGNORED}


def test_each_stage_builds_on_one_that_is_there() -> None:
    known = {"${PYTHON}"}
    for base, stage in STAGES:
        assert base in known
        known.add(stage)
    for stage in re.findall(r"--from=(\S+)", DOCKERFILE):
        assert stage in known
    assert {service["build"]["target"] for service in OWN.values()} <= known


def test_every_installed_package_has_a_hash() -> None:
    for command in re.findall(r"pip install (.+?)(?= && |\n)", DOCKERFILE):
        is_wheel = "--no-deps" in command and "/dist/*.whl" in command
        is_locked = "--constraints requirements.lock" in command or "--require-hashes" in command
        assert is_wheel or is_locked, command
    lock = (PROJECT / "requirements.lock").read_text("utf-8")
    assert {"boto3", "mlflow", "setuptools"} <= set(re.findall(r"^([\w-]+)==", lock, re.MULTILINE))


def _commands() -> list[list[str]]:
    texts = [" ".join(map(str, service.get("command", []))) for service in SERVICES.values()]
    page = (PROJECT / "docs" / "how-to" / "containers.md").read_text("utf-8")
    texts += [
        " ".join(yaml.safe_load(line)) for line in re.findall(r"CMD (\[\"gen.+\])", DOCKERFILE)
    ]
    texts += re.findall(r"genreflow:?\w* (genreflow \w+)", page)
    found = [re.search(r"genreflow ([\w-]+)((?: --[\w-]+)*)", text) for text in texts]
    return [shlex.split(f"{match[1]}{match[2]}") for match in found if match]


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_a_command_of_a_container_is_one_of_genreflow(words: list[str]) -> None:
    import typer

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert words[0] in map(command_name, app.registered_commands)
    options = {option for one in commands[words[0]].params for option in one.opts}
    assert set(words[1:]) <= options


def test_no_service_is_open_to_other_machines_or_has_rights() -> None:
    for name, service in SERVICES.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert "no-new-privileges:true" in service["security_opt"], name
    for name, service in OWN.items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
    assert re.search(r"^USER 10001$", DOCKERFILE, re.MULTILINE)


def test_passwords_are_files_that_git_and_the_images_leave_out() -> None:
    files = {secret["file"] for secret in COMPOSE["secrets"].values()}
    assert files == {f"./secrets/{name}" for name in COMPOSE["secrets"]}
    assert "secrets/" in (PROJECT / ".gitignore").read_text("utf-8").splitlines()
    assert IGNORED[1] == "*"
    assert "!secrets" not in IGNORED
    for service in SERVICES.values():
        for name, text in service.get("environment", {}).items():
            assert not re.search("PASSWORD|SECRET", name) or text.startswith("/run/secrets/")


def test_every_image_of_others_is_pinned_by_a_tag() -> None:
    images = [service["image"] for name, service in SERVICES.items() if name not in OWN]
    images += re.findall(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert len(images) == 3
    assert all(re.search(r":[\w.]*\d+\.?[\w.-]*$", image) for image in images)

"""What a light installation says of the parts that it lacks."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from flows.cli.app import NEEDS, USAGE
from flows.cli.main import app
from genre_core.errors import UsageError
from storage.extras import EXTRAS, ExtraMissing, explain_missing, install_command
from storage.fetch.sites.pages import find_page

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PYTHON = Path(sys.executable).resolve()
MODULES = {"pyyaml": "yaml", "scikit-learn": "sklearn"}
"""Of packages whose modules have other names."""
OPTIONAL = {
    "audioop-lts",  # of Python 3.13
    *("openlineage-python", "opentelemetry-exporter-otlp-proto-http"),  # for those who set them up
}
"""Packages of extras without which their commands do all the same."""
CLI = typer.main.get_command(app)
CALL_EACH = """
import json, sys
missing, commands = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(missing))  # importing them fails as where they are not installed
from flows.cli.main import main

for command in commands:
    sys.argv = ["genreflow", *command]
    try:
        main()
    except SystemExit as end:
        print(end.code, file=sys.stderr)
"""


def names(requirements: list[str]) -> set[str]:
    """The packages of an extra, with those of the extras that it takes in."""
    found: set[str] = set()
    for requirement in requirements:
        inner = re.match(r"genreflow\[(.+)]", requirement)
        own = {re.split(r"[^\w-]", requirement)[0].lower()}
        found |= (
            own
            if inner is None
            else names(
                [
                    each
                    for extra in inner[1].split(",")
                    for each in PROJECT["optional-dependencies"][extra]
                ]
            )
        )
    return found


def needed_arguments(command: str) -> list[str]:
    """Some value for each argument that a command must have."""
    parameters = CLI.commands[command].params  # type: ignore[attr-defined]
    return ["1" for each in parameters if each.required and each.param_type_name == "argument"]


def call_light(commands: list[list[str]], folder: Path) -> tuple[str, list[str]]:
    """Output, and lines on standard error, of commands where no extra is installed."""
    missing = sorted({module for modules in EXTRAS.values() for module in modules})
    ended = subprocess.run(
        [sys.executable, "-c", CALL_EACH, json.dumps([missing, commands])],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
    )
    return ended.stdout, ended.stderr.splitlines()


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_modules_of_an_extra_are_those_of_its_packages(extra: str) -> None:
    packages = names(PROJECT["optional-dependencies"][extra]) - OPTIONAL
    modules = {MODULES.get(package, package.replace("-", "_")) for package in packages}

    assert modules == {*EXTRAS[extra]}
    assert not packages & names(PROJECT["dependencies"])


def test_all_takes_in_every_extra_and_dev_takes_in_all() -> None:
    every = {
        package for extra in EXTRAS for package in names(PROJECT["optional-dependencies"][extra])
    }

    assert names(PROJECT["optional-dependencies"]["all"]) == every
    assert names(PROJECT["optional-dependencies"]["dev"]) > every


def test_every_command_whose_extra_is_missing_names_it_and_writes_nothing(tmp_path: Path) -> None:
    needed = [(name, extra) for extra, commands in NEEDS.items() for name in commands]

    _output, lines = call_light([[name, *needed_arguments(name)] for name, _ in needed], tmp_path)

    assert lines == [
        line
        for name, extra in needed
        for line in (
            f"genreflow: `genreflow {name}` needs packages that are not installed. "
            f"Install them: `{install_command(extra)}`.",
            str(USAGE),
        )
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "command", [["classify", "song.wav"], ["status"], ["web"], ["sql", "from tracks"]]
)
def test_an_empty_home_of_a_light_installation_names_what_it_can_do(
    command: list[str], tmp_path: Path
) -> None:
    (tmp_path / "song.wav").touch()

    output, lines = call_light([command], tmp_path)

    text = "\n".join([output, *lines])
    assert "`genreflow import-model FOLDER`" in text
    assert "`genreflow ingest MUSIC`" in text
    assert "[nightly]" in text
    assert "genreflow run" not in text


def test_help_marks_what_is_not_installed_and_explains_every_command(tmp_path: Path) -> None:
    output, lines = call_light([["--help"], ["train", "--help"]], tmp_path)

    assert lines == ["0", "0"]
    assert re.search(r" train +\[needs train\] Train networks", output)
    assert re.search(r" classify +Predict the genre", output)
    assert "--network" in output


def test_a_module_that_is_missing_all_the_same_names_its_extra() -> None:
    explained = explain_missing(ModuleNotFoundError("No module named 'scipy'", name="scipy.stats"))

    assert f"`{install_command('train')}`" in str(explained)
    assert isinstance(explained, ExtraMissing)
    assert explain_missing(ModuleNotFoundError("No module named 'ours'", name="ours")) is None


def test_a_page_of_a_music_site_needs_the_download_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yt_dlp", None)  # importing it would fail

    assert find_page("https://host.example/song.mp3") is None
    with pytest.raises(UsageError, match=re.escape(install_command("download"))):
        find_page("https://host.example/song")


@pytest.mark.parametrize(
    ("installer", "receipt", "origin", "command"),
    [
        ("uv", "uv-receipt.toml", {}, "uv tool install 'genreflow[nightly]'"),
        (
            "pip",
            "pipx_metadata.json",
            {},
            f"pipx install --force --python {PYTHON} 'genreflow[nightly]'",
        ),
        ("uv", "", {}, f"uv pip install --python {sys.executable} 'genreflow[nightly]'"),
        ("pip", "", {}, "'genreflow[nightly]'"),
        (
            "pip",
            "pipx_metadata.json",
            {"url": "file:///a%20b/genreflow-1.0-py3-none-any.whl"},
            f"pipx install --force --python {PYTHON} "
            "'genreflow[nightly] @ file:///a%20b/genreflow-1.0-py3-none-any.whl'",
        ),
        (
            "uv",
            "uv-receipt.toml",
            {"url": "file:///a%20b", "dir_info": {"editable": True}},
            "uv tool install -e '/a b[nightly]'",
        ),
    ],
)
def test_the_command_to_install_is_of_the_installer_that_was_used(
    installer: str,
    receipt: str,
    origin: dict[str, object],
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    info = tmp_path / "genreflow-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: genreflow\nVersion: 1.0\n")
    (info / "INSTALLER").write_text(f"{installer}\n")
    (info / "direct_url.json").write_text(json.dumps(origin))
    if receipt:
        (tmp_path / receipt).touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    for module in {module for modules in EXTRAS.values() for module in modules}:
        monkeypatch.setitem(sys.modules, module, None)

    assert install_command("nightly").endswith(command)


def test_an_application_keeps_the_extras_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "uv-receipt.toml").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setitem(sys.modules, "yt_dlp", None)

    assert "[dask,nightly,onnx,train]" in install_command("nightly")

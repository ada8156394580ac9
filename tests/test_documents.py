"""The documents keep their word: commands, SQL, reasons, names and links are real."""

import re
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from flows.cli.main import app
from flows.settings import Settings
from genre_core.networks.registry import NETWORK_NAMES
from genre_core.records import Reason
from genre_core.representations.registry import REPRESENTATIONS
from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish, query
from storage.embeddings.config import BUILT_IN
from storage.home import DataLayout

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text("utf-8")
PAGES = sorted(PROJECT.glob("*.md")) + sorted((PROJECT / "docs").glob("*.md"))
CLI = typer.main.get_command(app)


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def genreflow_lines() -> list[str]:
    lines = [line for block in code_blocks("sh") for line in block.splitlines()]
    return [line.split("#")[0].strip() for line in lines if line.startswith("genreflow ")]


@pytest.mark.parametrize("line", genreflow_lines())
def test_every_command_of_the_readme_has_the_options_it_is_shown_with(line: str) -> None:
    name, *words = line.removeprefix("genreflow ").split()

    options = {o for p in CLI.commands[name].params for o in p.opts}  # type: ignore[attr-defined]

    assert {word for word in words if word.startswith("-")} <= options


def test_every_command_stands_in_the_readme() -> None:
    named = set(re.findall(r"genreflow ([a-z-]+)", README))

    assert set(CLI.commands) <= named  # type: ignore[attr-defined]


@pytest.mark.parametrize("statement", code_blocks("sql"))
def test_every_statement_of_the_readme_runs(statement: str, tmp_path: Path) -> None:
    layout = DataLayout(tmp_path)
    with open_catalog(layout):
        pass
    publish(layout)

    names, rows = query(layout, statement)

    assert names
    assert rows == []


def test_every_make_target_of_the_pages_is_in_the_makefile() -> None:
    makefile = (PROJECT / "Makefile").read_text("utf-8")
    text = "\n".join(page.read_text("utf-8") for page in PAGES)

    targets = set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))

    assert targets
    assert targets <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_the_table_of_reasons_names_every_reason() -> None:
    table = README.split("| reason |")[1].split("\n## ")[0]

    codes = {code for row in table.splitlines() for code in re.findall(r"`(\w+)`", row[:80])}

    assert {str(reason) for reason in Reason if reason} <= codes


def test_the_readme_names_every_network_and_representation() -> None:
    quoted = set(re.findall(r"`(\w+)`", README))

    assert {*NETWORK_NAMES, *BUILT_IN, *REPRESENTATIONS} <= quoted


def test_the_settings_of_the_readme_are_settings() -> None:
    document = tomllib.loads(code_blocks("toml")[0])

    settings = Settings.model_validate(document)

    assert settings.fragments.n_fragments == document["fragments"]["n_fragments"]
    assert document.keys() <= Settings.model_fields.keys()


def test_every_link_leads_somewhere() -> None:
    targets = [
        (page.parent / target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
    ]

    assert targets
    assert [target for target in targets if not target.exists()] == []


def test_every_path_that_the_architecture_names_exists() -> None:
    page = (PROJECT / "ARCHITECTURE.md").read_text("utf-8")

    paths = set(re.findall(r"`((?:flows|tasks|storage|genre_core)/[\w/]*\w+\.py)`", page))

    assert paths
    assert [path for path in sorted(paths) if not (PROJECT / path).exists()] == []


def test_every_deployment_leads_to_a_flow() -> None:
    deployments = yaml.safe_load((PROJECT / "prefect.yaml").read_text("utf-8"))["deployments"]

    names = {deployment["name"] for deployment in deployments}

    assert names == {"ingest", "extract", "train", "nightly", "classify"}

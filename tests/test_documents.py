"""The documents keep their word: commands, SQL, reasons, names and links are real."""

import re
import tomllib
from pathlib import Path

import pytest
import typer

from flows.cli.main import app
from flows.settings import SETTINGS_FILE, read_settings
from genre_core.networks.registry import NETWORK_NAMES
from genre_core.representations.registry import REPRESENTATIONS
from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish
from storage.catalog.query import query
from storage.embeddings.config import BUILT_IN
from storage.home import DataLayout

PROJECT = Path(__file__).parents[1]
PAGES = sorted(PROJECT.glob("*.md")) + sorted((PROJECT / "docs").rglob("*.md"))
TEXT = "\n".join(page.read_text("utf-8") for page in PAGES)
MODELS = (PROJECT / "docs" / "reference" / "models.md").read_text("utf-8")
CLI = typer.main.get_command(app)


def code_blocks(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def genreflow_lines() -> list[str]:
    """Each command line of ``genreflow`` in a block of shell, once."""
    lines = [line for block in code_blocks("sh") for line in block.splitlines()]
    found = [re.search(r"(?:^|bin/|api )genreflow ([a-z-]+ ?[^#]*)", line) for line in lines]
    return list(dict.fromkeys(match[1].strip() for match in found if match))


@pytest.mark.parametrize("line", genreflow_lines())
def test_every_command_of_the_pages_has_the_options_it_is_shown_with(line: str) -> None:
    name, *words = line.split()

    options = {o for p in CLI.commands[name].params for o in p.opts}  # type: ignore[attr-defined]

    assert {word for word in words if word.startswith("-")} <= options


@pytest.mark.parametrize("name", CLI.commands)  # type: ignore[attr-defined]
def test_every_command_is_shown_in_a_page_that_is_not_generated(name: str) -> None:
    written = [page for page in PAGES if page.name != "cli.md"]

    assert any(re.search(rf"genreflow {name}\b", page.read_text("utf-8")) for page in written)


def test_the_readme_is_one_screen() -> None:
    assert len((PROJECT / "README.md").read_text("utf-8").split()) <= 900


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> DataLayout:
    layout = DataLayout(tmp_path_factory.mktemp("empty"))
    with open_catalog(layout):
        pass
    publish(layout)
    return layout


@pytest.mark.parametrize("statement", code_blocks("sql"))
def test_every_statement_of_the_pages_runs(statement: str, empty_store: DataLayout) -> None:
    names, rows = query(empty_store, statement)

    assert names
    assert rows == []


def test_every_make_target_of_the_pages_is_in_the_makefile() -> None:
    makefile = (PROJECT / "Makefile").read_text("utf-8")

    targets = set(re.findall(r"(?:^|`)make ([a-z-]+)", TEXT, re.MULTILINE))

    assert targets
    assert targets <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_the_page_on_models_names_every_network_and_representation() -> None:
    quoted = set(re.findall(r"`(\w+)`", MODELS))

    assert {*NETWORK_NAMES, *BUILT_IN, *REPRESENTATIONS} <= quoted


@pytest.mark.parametrize("block", code_blocks("toml"))
def test_the_settings_of_the_pages_are_settings(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / SETTINGS_FILE).write_text(block, "utf-8")
    monkeypatch.chdir(tmp_path)
    written = {name: value for name, value in tomllib.loads(block).items() if is_plain(value)}

    settings = read_settings()

    assert {name: plain(getattr(settings, name)) for name in written} == written


def is_plain(value: object) -> bool:
    return isinstance(value, str | bool | int | float | list)


def plain(value: object) -> object:
    return (
        list(value)
        if isinstance(value, tuple)
        else str(value)
        if isinstance(value, Path)
        else value
    )


def test_every_link_leads_somewhere() -> None:
    targets = [
        (page.parent / target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    ]

    assert targets
    assert [target for target in targets if not target.exists()] == []


def test_every_file_that_the_pages_name_exists() -> None:
    packages = "flows|tasks|storage|genre_core|demo|tests|benchmarks|docs"

    paths = set(re.findall(rf"`((?:{packages})/[\w/.-]*\w+\.(?:py|sql|toml|md))`", TEXT))

    assert paths
    assert [path for path in sorted(paths) if not (PROJECT / path).exists()] == []

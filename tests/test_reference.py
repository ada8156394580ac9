"""The generated reference is fresh; the site builds strictly and loads nothing from elsewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generator.errors import read_errors
from docs.generator.meanings import require_same
from docs.generator.pages import generate
from genre_core.errors import UsageError
from storage.extras import ExtraMissing
from storage.lock import HomeBusy

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def fresh() -> dict[str, str]:
    return dict(generate())


@pytest.mark.parametrize(
    "name",
    ["api.md", "cli.md", "settings.md", "outcomes.md", "errors.md", "sql.md", "files.md"],
)
def test_a_generated_page_is_what_make_docs_would_write(name: str, fresh: dict[str, str]) -> None:
    written = (PROJECT / "docs" / "reference" / name).read_text("utf-8")

    assert written == fresh[name], "run `make docs` and commit docs/reference"


def test_every_generated_page_is_held_to_the_code(fresh: dict[str, str]) -> None:
    marked = {
        page.name
        for page in (PROJECT / "docs" / "reference").glob("*.md")
        if page.read_text("utf-8").startswith("<!-- generated")
    }

    assert marked == set(fresh)


def test_every_class_of_errors_has_a_code_of_its_own() -> None:
    codes = [error.code for error in read_errors().values()]

    assert "" not in codes
    assert len(set(codes)) == len(codes)


def test_the_codes_of_the_page_are_those_of_the_classes() -> None:
    found = {one.__name__: one.code for one in (UsageError, HomeBusy, ExtraMissing)}

    assert found == {name: read_errors()[name].code for name in found}


@pytest.mark.parametrize(("names", "fault"), [(["a", "b"], "add ['b']"), ([], "remove ['a']")])
def test_a_name_without_meaning_and_a_meaning_without_name_are_errors(
    names: list[str], fault: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        require_same("settings", names, {"a": "what it means"})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; broken links and anchors fail the build."""
    work = tmp_path_factory.mktemp("site")
    shutil.copytree(PROJECT / "docs", work / "docs")
    shutil.copy(PROJECT / "zensical.toml", work)
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    program = shutil.which("zensical", path=beside)
    assert program, "run `make setup`: zensical is not installed"
    subprocess.run([program, "build", "--strict"], cwd=work, check=True, capture_output=True)
    return work / "build" / "site"


def test_every_page_is_built_and_stands_in_the_navigation(site: Path) -> None:
    pages = {p.relative_to(PROJECT / "docs") for p in (PROJECT / "docs").rglob("*.md")}
    navigation = set(re.findall(r'"([\w/-]+\.md)"', (PROJECT / "zensical.toml").read_text("utf-8")))

    assert [page for page in pages if not (site / page.with_suffix(".html")).is_file()] == []
    assert {str(page) for page in pages} == navigation


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    loading = re.compile(r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=\"?(?:https?:)?//")
    styles = re.compile(r"(?:url\(|@import )[\"']?(?:https?:)?//")

    assert [p.name for p in site.rglob("*.html") if loading.search(p.read_text("utf-8"))] == []
    assert [p.name for p in site.rglob("*.css") if styles.search(p.read_text("utf-8"))] == []

"""What a release states of itself: its version, its dependencies and their licences."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from docs.generator.licences import ALLOWED, find_faults

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PIN = re.compile(r"^([a-z0-9-]+)(?:\[.+])?==(\S+)(?: ;.*)? \\$", re.MULTILINE)


def pins(name: str) -> set[tuple[str, str]]:
    """Package and version of each pin of a lock file; some have one for each version of Python."""
    return set(PIN.findall((ROOT / name).read_text("utf-8")))


def test_the_version_of_pyproject_is_the_one_of_citation_and_changelog() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)

    assert citation["version"] == PROJECT["version"] == headings[0]
    assert version("genreflow") == PROJECT["version"], "run `make setup`"


def test_the_lock_of_the_core_is_part_of_the_lock() -> None:
    core = pins("requirements-core.lock")

    assert core <= pins("requirements.lock")
    names = {name for name, _version in core}
    assert {re.split(r"[^\w-]", one)[0] for one in PROJECT["dependencies"]} <= names
    assert not {"tensorflow", "mlflow", "prefect"} & names


def test_the_page_of_licences_has_the_locked_packages_and_versions() -> None:
    text = (ROOT / "docs" / "reference" / "licences.md").read_text("utf-8")
    listed = set(re.findall(r"^\| (\S+) \| (\d\S*) \| \S.* \|$", text, re.MULTILINE))
    elsewhere = {"audioop-lts", "colorama", "tzdata"}  # Python 3.13, Windows

    assert listed <= pins("requirements.lock"), "run `make licences` and commit the page"
    assert {name for name, _ in pins("requirements-core.lock") - listed} <= elsewhere


@pytest.mark.parametrize(
    ("licence", "is_known"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND MIT", True),
        ("Apache-2.0 OR GPL-3.0-only", True),
        ("UNKNOWN", False),
        ("AGPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("GNU General Public License v2 or later (GPLv2+)", False),
        ("CC-BY-NC-4.0", False),
    ],
)
def test_a_licence_that_was_not_looked_at_is_a_fault(licence: str, is_known: bool) -> None:
    faults = find_faults(["a"], {"a": ("1.0", licence)})

    assert bool(faults) != is_known
    assert ALLOWED.fullmatch("MIT License")


def test_issue_forms_ask_for_something_and_have_a_name() -> None:
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    found = {form.stem: yaml.safe_load(form.read_text("utf-8")) for form in forms}

    assert set(found) == {"bug", "config", "idea", "score"}
    for form in (found[name] for name in ("bug", "idea", "score")):
        assert form["name"]
        assert form["description"]
        ids = [field["id"] for field in form["body"]]
        assert len(ids) == len(set(ids)) > 1

"""Examples of the docstrings and the notebooks, run on the built-in library."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import genreflow
from docs.generator.notebooks import NOTEBOOKS, note, notebooks
from genreflow import functions, published
from genreflow import library as of_library
from tests.shared import Shared

ROOT = Path(__file__).parents[2]
SONG = "data/builtin-library-unseen/classical-wendro-corvell-latent-garden.mp3"


def environment(home: Path) -> dict[str, str]:
    """One thread: more only wait for each other, and give other last bits."""
    settings = {"GENREFLOW_HOME": str(home), "GENREFLOW_NETWORKS": '["head", "cnn"]'}
    return {**os.environ, **settings, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def builtin(shared: Shared) -> Path:
    """A folder whose home ``data`` holds the built-in library and a champion."""

    def run(folder: Path) -> None:
        folder.mkdir()
        start = "from flows.cli.start import main; main()"
        command = [sys.executable, "-c", start, "run", "--home", str(folder / "data")]
        settings = environment(folder / "data")
        subprocess.run(command, check=True, capture_output=True, env=settings, cwd=folder)

    return shared.once("builtin", run)


@pytest.mark.long
@pytest.mark.parametrize("module", [genreflow, functions, published, of_library])
def test_the_examples_of_the_docstrings_give_what_they_show(
    module: object, builtin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(builtin)
    names = {"genreflow": genreflow, "library": genreflow.open("data"), "song": SONG}

    result = doctest.testmod(module, extraglobs=names)  # type: ignore[arg-type]

    assert result.attempted
    assert result.failed == 0


@pytest.mark.long
@pytest.mark.parametrize("notebook", notebooks(), ids=lambda notebook: notebook.stem)
def test_a_notebook_runs_and_has_the_text_and_code_of_its_page(
    notebook: Path, builtin: Path, tmp_path: Path
) -> None:
    pytest.importorskip("marimo")
    code = f"from docs.generator.notebooks import *; print(run(Path({str(notebook)!r}))[0])"

    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(builtin / "data"),
        capture_output=True,
        text=True,
        check=True,
    )

    written = notebook.with_suffix(".md").read_text("utf-8")
    assert uncomputed(ended.stdout) == uncomputed(written), (
        "run `make notebooks` and look at the pages"
    )


def uncomputed(page: str) -> list[str]:
    """Text and code of a page; digits that are computed differ from one processor to another."""
    lines = [re.sub(r"[\d.]+", "0", line) for line in page.splitlines()]
    return [line for line in lines if line.strip() and line[0] not in "|│┌├└"]


@pytest.mark.parametrize("notebook", notebooks(), ids=lambda notebook: notebook.stem)
def test_the_page_of_a_notebook_was_made_from_its_text_of_now(notebook: Path) -> None:
    page = notebook.with_suffix(".md").read_text("utf-8")

    assert page.startswith(note(notebook)), "run `make notebooks` and look at the pages"
    figures = re.findall(r"\]\(([\w-]+\.png)\)", page)
    assert all((NOTEBOOKS / figure).is_file() for figure in figures)

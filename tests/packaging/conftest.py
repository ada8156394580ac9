"""The distributions as `pip install` gets them, and a new environment with the core alone."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def find_uv() -> str:
    """The uv of this environment, which `make setup` puts there, or of the machine."""
    places = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    uv = shutil.which("uv", path=places)
    assert uv, "run `make setup`: uv is not installed"
    return uv


def tracked_files() -> list[str]:
    """What git has of the project, and what is new and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def build(source: Path, target: Path, *options: str) -> None:
    """Build distributions of a source tree with the setuptools of this environment."""
    command = [find_uv(), "build", "--quiet", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*command, *options, "--out-dir", target, source], check=True)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, without what earlier builds have left."""
    folder = tmp_path_factory.mktemp("source")
    for name in tracked_files():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy, follow_symlinks=False)
    return folder


@pytest.fixture(scope="session")
def distributions(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("distributions")
    build(source, folder)
    return folder


@pytest.fixture(scope="session")
def core(distributions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel and the core's packages, their hashes checked."""
    environment = tmp_path_factory.mktemp("core") / "environment"
    (wheel,) = distributions.glob("*.whl")
    uv = [find_uv(), "--quiet"]
    subprocess.run([*uv, "venv", "--python", sys.executable, environment], check=True)
    where = ["--python", environment / "bin" / "python"]
    locked = ["--require-hashes", "--requirement", ROOT / "requirements-core.lock"]
    subprocess.run([*uv, "pip", "install", *where, *locked], check=True)
    subprocess.run([*uv, "pip", "install", *where, "--offline", wheel], check=True)
    return environment


@pytest.fixture
def installed(core: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call the installed command in an empty folder."""

    def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [core / "bin" / "genreflow", *arguments]
        kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "200"}
        return subprocess.run(command, cwd=tmp_path, env=kept, capture_output=True, text=True)

    return call

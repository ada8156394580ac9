"""What the wheel and the sdist hold, and what an environment with the core alone can do."""

import json
import os
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

from flows.settings import Settings
from storage.extras import EXTRAS
from tests.conftest import SOUNDS
from tests.packaging.conftest import build, tracked_files

MOST_PACKAGES = 60
PACKAGES = ("demo/", "flows/", "genre_core/", "genreflow/", "storage/", "tasks/")
Call = Callable[..., subprocess.CompletedProcess[str]]


def files_of_packages() -> set[str]:
    return {name for name in tracked_files() if name.startswith(PACKAGES)}


def files_of_wheel(folder: Path) -> set[str]:
    (wheel,) = folder.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    return {name for name in names if ".dist-info/" not in name}


def test_a_wheel_of_the_sdist_holds_every_file_of_the_packages(distributions: Path) -> None:
    assert files_of_wheel(distributions) == files_of_packages()


def test_a_wheel_of_the_repository_holds_the_same_files(source: Path, tmp_path: Path) -> None:
    build(source, tmp_path, "--wheel")

    assert files_of_wheel(tmp_path) == files_of_packages()


def test_the_sdist_holds_the_licence_and_what_builds_it(distributions: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert names >= files_of_packages() | {"LICENSE", "README.md", "pyproject.toml"}


def test_the_core_has_few_packages_and_none_of_an_extra(core: Path) -> None:
    (site,) = core.glob("lib/python*/site-packages")
    modules = {module for modules in EXTRAS.values() for module in modules}

    assert len(list(site.glob("*.dist-info"))) <= MOST_PACKAGES
    assert not [module for module in modules if (site / module).exists()]


def test_the_core_predicts_reads_and_says_what_it_lacks(
    installed: Call, finished: Settings
) -> None:
    home = ("--home", finished.home)
    song = next((Path(finished.music) / "hums").glob("song*.mp3"))

    predicted = installed("classify", song, "--json", *home)
    counted = installed("sql", "select count(*) as n from tracks", "--json", *home)
    refused = installed("train", *home)

    assert json.loads(predicted.stdout)[0]["genre"] in SOUNDS
    assert json.loads(counted.stdout)[0]["n"] >= 18
    assert refused.returncode == 2
    assert re.search(r"uv pip install --python \S+ 'genreflow\[train\] @ file://", refused.stderr)


def test_the_page_of_an_installed_core_answers(
    core: Path, finished: Settings, tmp_path: Path
) -> None:
    command = [core / "bin" / "genreflow", "web", "--port", "0", "--home", finished.home]
    kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=kept, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        address = server.stdout.readline().split()[-1]
        pages = [urlopen(f"{address}{page}").read().decode() for page in ("", "/models")]
        style = urlopen(f"{address}/static/app.css").read().decode()
        server.terminate()

    assert all("<title>" in page for page in pages)
    assert "body" in style

"""The weights of musicnn, from an installed package or from an index of packages."""

import hashlib
import os
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from genre_core.errors import TransientError, UsageError
from storage.embeddings.checkpoints import (
    check_digests,
    fetch_package,
    installed_package,
    open_checkpoints,
    require_installer,
)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a package, which pip and uv take for their only index; uv is on the path."""
    folder = tmp_path / "index"
    folder.mkdir()
    info = "musicnn-0.1.0.dist-info"
    with zipfile.ZipFile(folder / "musicnn-0.1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("musicnn/MTT_vgg/.index", "weights")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: musicnn\nVersion: 0.1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    for name in ("PIP", "UV"):
        monkeypatch.setenv(f"{name}_NO_INDEX", "1")
        monkeypatch.setenv(f"{name}_FIND_LINKS", str(folder))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return folder


def lock(index: Path, content: bytes) -> Path:
    """A lock file with the hash of a content."""
    file = index / "weights.lock"
    file.write_text(f"musicnn==0.1.0 --hash=sha256:{hashlib.sha256(content).hexdigest()}\n")
    return file


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_the_package_is_fetched_by_the_installer_that_is_there(
    installer: str, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if installer == "uv":
        monkeypatch.setitem(sys.modules, "pip", None)  # it is not found
    wheel = next(index.glob("*.whl"))

    fetch_package(lock(index, wheel.read_bytes()), tmp_path)

    assert installer in require_installer()[0 if installer == "uv" else 2]
    assert (tmp_path / "musicnn/MTT_vgg/.index").read_text() == "weights"


def test_a_package_of_another_hash_is_refused(index: Path, tmp_path: Path) -> None:
    with pytest.raises(TransientError, match=r"could not be fetched.*(?i:hash).*by hand"):
        fetch_package(lock(index, b"other bytes"), tmp_path)

    assert not (tmp_path / "musicnn").exists()


def test_without_package_and_installer_the_command_to_install_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "musicnn", None)
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.setenv("PATH", "")

    with (
        pytest.raises(UsageError, match=r"pip install --no-deps musicnn==0\.1\.0"),
        open_checkpoints(["MTT_vgg"]),
    ):
        pass


def test_other_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not those of musicnn 0\.1\.0"):
        check_digests(tmp_path, ["MTT_vgg"])


def test_the_installed_package_is_taken_as_it_is() -> None:
    spec = find_spec("musicnn")

    with open_checkpoints(["MTT_vgg"]) as found:
        assert spec
        assert spec.origin
        assert found == {"MTT_vgg": Path(spec.origin).parent / "MTT_vgg"}
    assert installed_package() == Path(spec.origin).parent

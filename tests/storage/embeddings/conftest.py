"""A cache of its own for each test, and a small model."""

from pathlib import Path

import pytest

from tests.storage.embeddings.made_models import write_onnx


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def made_onnx(tmp_path: Path) -> Path:
    """Features are the mean and the mean absolute value of 0.1 s at 16 kHz; three tags."""
    return write_onnx(tmp_path / "made.onnx")

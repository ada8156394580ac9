"""Reports: figures and documents appear whole under their names."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from storage.reports import write_document, write_figure


def test_a_figure_becomes_a_png(tmp_path: Path) -> None:
    path = write_figure(tmp_path / "new", "curve", Figure(figsize=(1, 1)))

    assert path == tmp_path / "new" / "curve.png"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(path.parent.iterdir()) == [path]


def test_a_document_becomes_json_and_replaces_the_one_before(tmp_path: Path) -> None:
    write_document(tmp_path, "numbers", {"kernels": [4, 8]})

    path = write_document(tmp_path, "numbers", {"kernels": [16, 32]})

    assert json.loads(path.read_text("utf-8")) == {"kernels": [16, 32]}


def test_what_cannot_be_written_leaves_the_one_before_and_no_part(tmp_path: Path) -> None:
    path = write_document(tmp_path, "numbers", {"accuracy": 0.5})

    with pytest.raises(ValueError, match="nan"):
        write_document(tmp_path, "numbers", {"accuracy": float("nan")})

    assert json.loads(path.read_text("utf-8")) == {"accuracy": 0.5}
    assert list(tmp_path.iterdir()) == [path]

"""The exported champion is read as it was written, or not at all."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from genre_core.digests import digest_document
from genre_core.errors import GenreflowError
from genre_core.evaluation.certainty import Certainty
from genre_core.evaluation.novelty import Novelty
from genre_core.representations.features import FeatureConfig
from storage.models.champion import (
    Exported,
    ExportUnusable,
    parse_certainty,
    read_export,
    write_export,
)

DOCUMENT = {
    "version": 1,
    "model_uri": "models:/m-1",
    "genres": ["jazz", "rock"],
    "features": FeatureConfig().as_document(),
    "temperature": 1.5,
}
FIRST = Exported(network=bytes(range(256)), document=DOCUMENT)
SECOND = replace(FIRST, network=b"another", document={**DOCUMENT, "version": 2})
REFERENCES = np.array([[1, 0], [1, 0]], np.float16)
CERTAINTY = Certainty(
    coverage=0.9,
    least_probability=0.25,
    novelty=Novelty(references=REFERENCES, threshold=0.5, refuse_share=0.05),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_export(tmp_path / "champion", FIRST)
    return tmp_path / "champion"


def read(folder: Path) -> tuple[bytes, object]:
    found = read_export(folder)
    return found.network, found.document


def find(folder: Path, pattern: str) -> Path:
    return next(folder.glob(pattern))


def test_an_export_comes_back_and_says_itself_what_it_is(folder: Path) -> None:
    assert read(folder) == (FIRST.network, FIRST.document)
    assert "one of 2 genres: jazz, rock" in (folder / "model-card.md").read_text("utf-8")


def test_a_certainty_comes_back(folder: Path) -> None:
    write_export(folder, replace(FIRST, certainty=CERTAINTY))

    found = read_export(folder).certainty

    assert (found.coverage, found.least_probability) == (0.9, 0.25)
    assert found.novelty is not None
    songs = np.array([[3, 0], [-1, 0]], np.float32)
    assert found.novelty.is_unknown(songs).tolist() == [False, True]


@pytest.mark.parametrize("fault", ["changed", "cut short", "gone"])
@pytest.mark.parametrize("pattern", ["network-*.tflite", "champion.json", "certainty-*.npz"])
def test_an_export_that_is_not_as_it_was_written_is_not_used(
    folder: Path, pattern: str, fault: str
) -> None:
    file = find(folder, pattern)
    content = file.read_bytes()
    changed = content[:9] + bytes([content[9] ^ 1]) + content[10:]
    file.unlink()
    if fault != "gone":
        file.write_bytes(changed if fault == "changed" else content[:10])

    with pytest.raises(ExportUnusable, match=r"damaged|cannot be read|no exported champion"):
        read_export(folder)


@pytest.mark.parametrize("name", ["network.tflite", "certainty.npz"])
def test_an_export_that_names_too_few_files_is_not_used(folder: Path, name: str) -> None:
    document = json.loads((folder / "champion.json").read_text("utf-8"))
    del document["digest"], document["files"][name]
    sealed = {**document, "digest": digest_document(document)}
    (folder / "champion.json").write_text(json.dumps(sealed), "utf-8")

    with pytest.raises(ExportUnusable, match="cannot be read"):
        read_export(folder)


def test_a_new_champion_replaces_the_old_one_and_what_a_killed_process_left(folder: Path) -> None:
    (folder / ".champion.json.0123456789abcdef0123456789abcdef.part").touch()

    write_export(folder, SECOND)

    assert read(folder) == (SECOND.network, SECOND.document)
    assert len(list(folder.iterdir())) == 4


def test_files_that_others_put_beside_the_champion_stay(folder: Path) -> None:
    (folder / "old").mkdir()
    (folder / "notes.txt").write_text("mine", "utf-8")

    write_export(folder, SECOND)

    assert {"old", "notes.txt"} <= {path.name for path in folder.iterdir()}


def test_a_process_killed_before_the_last_file_leaves_the_old_champion(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storage.files import write_bytes

    def write(path: Path, content: bytes) -> None:
        if path.name == "champion.json":
            raise KeyboardInterrupt
        write_bytes(path, content)

    monkeypatch.setattr("storage.models.champion.write_bytes", write)

    with pytest.raises(KeyboardInterrupt):
        write_export(folder, SECOND)

    assert read(folder) == (FIRST.network, FIRST.document)


def test_a_certainty_takes_no_more_memory_than_its_file() -> None:
    file = io.BytesIO()
    np.savez_compressed(file, coverage=np.zeros(10**6))
    assert len(file.getvalue()) < 20_000

    with pytest.raises(GenreflowError, match="it is compressed"):
        parse_certainty(file.getvalue())

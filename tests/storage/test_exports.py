"""An export is whole and the champion's, or it is not taken."""

from pathlib import Path

import numpy as np
import pytest

from genre_core.evaluation.certainty import Certainty
from genre_core.evaluation.novelty import Novelty
from storage.home import DataLayout
from storage.models.alias import Champion
from storage.models.exports import ExportUnusable, has_export, read_export, write_export

FIRST = Champion(version=1, run_id="a", model_uri="models:/m-1")
SECOND = Champion(version=2, run_id="b", model_uri="models:/m-2")
LOGGED = {"genres": ["jazz", "rock"], "features": {"fragment_s": 3.0}, "temperature": 1.5}
NETWORK = bytes(range(256))
REFERENCES = np.array([[1, 0], [1, 0]], np.float16)
CERTAINTY = Certainty(
    coverage=0.9,
    least_probability=0.25,
    novelty=Novelty(references=REFERENCES, threshold=0.5, refuse_share=0.05),
)


@pytest.fixture
def layout(tmp_path: Path) -> DataLayout:
    return DataLayout(tmp_path)


@pytest.fixture
def folder(layout: DataLayout) -> Path:
    write_export(layout, FIRST, NETWORK, LOGGED)
    return layout.champion / "m-1"


def change_byte(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_an_export_comes_back_with_what_was_logged(layout: DataLayout, folder: Path) -> None:
    exported = read_export(layout, FIRST)

    assert exported.network == NETWORK
    assert exported.document == {"version": 1, "model_uri": "models:/m-1", **LOGGED}


def test_an_export_comes_back_with_its_certainty_and_one_without_is_unfitted(
    layout: DataLayout,
) -> None:
    write_export(layout, FIRST, NETWORK, LOGGED)
    before = read_export(layout, FIRST).certainty

    write_export(layout, FIRST, NETWORK, LOGGED, certainty=CERTAINTY)

    after = read_export(layout, FIRST).certainty
    assert (before.least_probability, before.novelty) == (None, None)
    assert (after.coverage, after.least_probability) == (0.9, 0.25)
    assert after.novelty is not None
    assert after.novelty.is_unknown(np.array([[3, 0], [-1, 0]], np.float32)).tolist() == [
        False,
        True,
    ]


@pytest.mark.parametrize("fault", ["changed", "gone"])
def test_an_export_whose_certainty_is_not_as_it_was_is_not_taken(
    layout: DataLayout, fault: str
) -> None:
    write_export(layout, FIRST, NETWORK, LOGGED, certainty=CERTAINTY)
    file = layout.champion / "m-1" / "certainty.npz"
    change_byte(file, -1) if fault == "changed" else file.unlink()

    with pytest.raises(ExportUnusable, match="the certainty"):
        read_export(layout, FIRST)


@pytest.mark.parametrize(
    ("file", "place"), [("network.tflite", 0), ("network.tflite", 255), ("champion.json", 80)]
)
def test_an_export_of_which_one_bit_has_changed_is_damaged(
    layout: DataLayout, folder: Path, file: str, place: int
) -> None:
    change_byte(folder / file, place)

    with pytest.raises(ExportUnusable, match=r"damaged|cannot be read"):
        read_export(layout, FIRST)


@pytest.mark.parametrize("file", ["network.tflite", "champion.json"])
def test_an_export_that_was_cut_short_is_not_taken(
    layout: DataLayout, folder: Path, file: str
) -> None:
    (folder / file).write_bytes((folder / file).read_bytes()[:100])

    assert not has_export(layout, FIRST)


@pytest.mark.parametrize("text", ["[]", "{}", "null", '{"digest": "0"}'])
def test_a_document_that_says_something_else_is_not_taken(
    layout: DataLayout, folder: Path, text: str
) -> None:
    (folder / "champion.json").write_text(text)

    assert not has_export(layout, FIRST)


def test_the_export_of_another_network_is_not_taken(layout: DataLayout, folder: Path) -> None:
    with pytest.raises(ExportUnusable, match="version 2 has not been exported"):
        read_export(layout, SECOND)


def test_an_export_under_the_name_of_another_network_is_not_taken(
    layout: DataLayout, folder: Path
) -> None:
    folder.rename(layout.champion / "m-2")

    with pytest.raises(ExportUnusable, match="is not of version 2"):
        read_export(layout, SECOND)


def test_the_export_of_a_new_champion_stands_alone(layout: DataLayout, folder: Path) -> None:
    write_export(layout, SECOND, NETWORK, LOGGED)

    assert [path.name for path in layout.champion.iterdir()] == ["m-2"]
    assert (has_export(layout, FIRST), has_export(layout, SECOND)) == (False, True)


def test_a_damaged_export_is_replaced_and_what_a_killed_process_left_is_removed(
    layout: DataLayout, folder: Path
) -> None:
    (folder / "network.tflite").write_bytes(b"")
    (layout.champion / "0123.part").mkdir()

    write_export(layout, FIRST, NETWORK, LOGGED)

    assert has_export(layout, FIRST)
    assert [path.name for path in layout.champion.iterdir()] == ["m-1"]


def test_an_export_that_cannot_be_written_leaves_the_one_before(
    layout: DataLayout, folder: Path
) -> None:
    with pytest.raises(TypeError):
        write_export(layout, SECOND, NETWORK, {"genres": object()})

    assert has_export(layout, FIRST)
    assert [path.name for path in layout.champion.iterdir()] == ["m-1"]

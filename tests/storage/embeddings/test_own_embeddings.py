"""The requirements that a model must meet to become a representation, and the refusals."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, load_model, save_model

from genre_core.errors import UsageError
from storage.embeddings.config import EmbeddingConfig, require_own_names
from storage.embeddings.embedder import Model
from storage.embeddings.registry import find_model
from tests.storage.embeddings.made_models import MEAN_AND_LEVEL, write_onnx

LABELS = ("up", "loud", "quiet")


def find_own(file: Path, **changed: Any) -> Model:  # noqa: ANN401
    settings = {"sample_rate": 16_000, "window_s": 0.1, "licence": "CC0", **changed}
    return find_model("mine", {"mine": EmbeddingConfig(file=file, **settings)})


def refusal(file: Path, **changed: Any) -> str:  # noqa: ANN401
    """Return the message for a model that cannot be used."""
    with pytest.raises(UsageError, match=r"(?s)^\[embeddings\.mine\]: .*[^.]\.$") as caught:
        find_own(file, **changed)
    return str(caught.value)


def test_an_embedding_is_described_by_its_settings(made_onnx: Path) -> None:
    model = find_own(
        made_onnx, hop_s=0.05, output=("features", "tags"), labels=LABELS, trained_on=("FMA",)
    )

    embedding = model.embedding
    assert (embedding.name, embedding.sample_rate, embedding.n_features) == ("mine", 16_000, 2)
    assert (embedding.window_s, embedding.hop_s) == (0.1, 0.05)
    assert (embedding.licence, embedding.trained_on) == ("CC0", ("FMA",))
    assert embedding.tag_names == LABELS
    assert find_own(made_onnx).embedding.hop_s == 0.1  # windows do not overlap
    assert Model.from_document(model.as_document(), made_onnx) == model


def test_the_digest_covers_the_file_and_how_it_is_read(made_onnx: Path, tmp_path: Path) -> None:
    before = find_own(made_onnx).embedding.digest
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(made_onnx.read_bytes())

    assert find_own(copy, licence="MIT", trained_on=("FMA",)).embedding.digest == before
    assert find_own(made_onnx, output="tags").embedding.digest != before
    assert find_own(made_onnx, sample_rate=8_000, window_s=0.2).embedding.digest != before
    assert find_own(made_onnx, hop_s=0.05).embedding.digest != before
    write_onnx(made_onnx, constants={"weights": np.ones((2, 3), np.float32)})
    assert find_own(made_onnx).embedding.digest != before


def test_onnxruntime_is_needed_for_a_model_that_was_not_checked(
    made_onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = find_own(made_onnx)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it would fail

    assert find_own(made_onnx) == checked
    assert "[onnx]" in refusal(made_onnx, output="tags")


def test_labels_make_a_model_that_was_checked_be_checked_again(made_onnx: Path) -> None:
    find_own(made_onnx, output=("features", "scores"))

    assert "Set `probabilities = true`" in refusal(
        made_onnx, output=("features", "scores"), labels=LABELS
    )


def test_a_cache_that_cannot_be_written_is_not_needed(made_onnx: Path, cache: Path) -> None:
    cache.write_text("a file where the folder would be")

    assert find_own(made_onnx) == find_own(made_onnx)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.tflite", None, "none.tflite cannot be read (No such file or directory). Correct"),
        ("model.pt", b"PK", "model.pt is no model file that can be loaded. Name a file that ends"),
        ("cut.onnx", b"\x08\x09\x12", "cut.onnx cannot be loaded as a model (InvalidProtobuf"),
        ("cut.tflite", b"TFL3 no more", "cut.tflite cannot be loaded as a model (ValueError"),
        pytest.param("cut.keras", b"PK", "loaded as a model (ValueError", marks=pytest.mark.keras),
        (".", None, "cannot be read (Is a directory)"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)

    assert words in refusal(file)


def test_weights_beside_the_model_are_to_be_joined_with_it(tmp_path: Path) -> None:
    model = load_model(write_onnx(tmp_path / "whole.onnx"))
    save_model(
        model, tmp_path / "split.onnx", save_as_external_data=True, size_threshold=0, location="w"
    )

    assert "onnx.save_model(onnx.load(path), path) joins" in refusal(tmp_path / "split.onnx")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"inputs": {"wave": ("batch", 1600), "rate": (1,)}}, "has 2 inputs; an embedding has one"),
        ({"inputs": {"wave": ("batch", 1, 1600)}}, "reads an array of (any, 1, 1600); an embed"),
        ({"inputs": {"wave": (5, 1600)}}, "reads an array of (5, 1600); an embedding reads"),
        (
            {"inputs": {"wave": ("batch", 48_000)}},
            "reads 48000 samples, but window_s × sample_rate are 1600. Set window_s to",
        ),
    ],
)
def test_an_input_must_be_the_wave(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    assert words in refusal(write_onnx(tmp_path / "m.onnx", **changed))


@pytest.mark.parametrize("output", ["embedding", 3, -1])
def test_an_unknown_output_is_met_with_the_known_ones(made_onnx: Path, output: str | int) -> None:
    message = f"has no output {output!r}. Choose among: 0 = features (any, 2), 1 = tags"
    assert message in refusal(made_onnx, output=output)


def test_inputs_and_outputs_of_integers_are_refused(tmp_path: Path) -> None:
    inwards = (helper.make_node("Cast", ["wave"], ["features"], to=TensorProto.FLOAT),)
    outwards = (helper.make_node("Cast", ["wave"], ["codes"], to=TensorProto.INT64),)
    reads = write_onnx(
        *(tmp_path / "in.onnx", inwards, {"features": ("batch", 1600)}),
        input_kind=TensorProto.INT16,
    )
    writes = write_onnx(
        *(tmp_path / "out.onnx", outwards, {"codes": ("batch", 1600)}),
        output_kind=TensorProto.INT64,
    )

    assert "in.onnx reads int16; sound is given as float32" in refusal(reads)
    assert "out.onnx is int64. Export the model with outputs" in refusal(writes, output="codes")


FAULTS = {
    "is not finite for silence. Put a floor": [
        helper.make_node("Log", ["level"], ["features"]),
    ],
    "differs between two runs on the same sound": [
        helper.make_node("RandomNormalLike", ["level"], ["features"]),
    ],
    "depends on the other windows of a batch: it differs by": [
        helper.make_node("ReduceMean", ["level", "first"], ["average"], keepdims=1),
        helper.make_node("Sub", ["level", "average"], ["features"]),
    ],
    "is the same for every sound. Choose another output": [
        helper.make_node("Mul", ["level", "zero"], ["features"]),
    ],
    "gave (1) values for 5 windows; its outputs must be (batch, n)": [
        helper.make_node("ReduceMean", ["wave"], ["features"], keepdims=0),
        helper.make_node("Unsqueeze", ["features", "first"], ["row"]),
    ],
}


@pytest.mark.parametrize("words", FAULTS)
def test_an_output_that_cannot_be_features_is_refused(tmp_path: Path, words: str) -> None:
    nodes = (*MEAN_AND_LEVEL[:3], *FAULTS[words])
    name = nodes[-1].output[0]
    file = write_onnx(tmp_path / "m.onnx", nodes, {name: ("batch", 1) if name != "row" else (1,)})

    assert words in refusal(file)


def test_a_model_that_cannot_run_on_the_window_is_refused(tmp_path: Path) -> None:
    nodes = (
        helper.make_node("Reshape", ["wave", "rows"], ["framed"]),
        helper.make_node("ReduceMean", ["framed", "last"], ["features"], keepdims=0),
    )
    file = write_onnx(
        tmp_path / "m.onnx",
        nodes,
        {"features": ("batch", 3)},
        {"wave": ("batch", "samples")},
        constants={"rows": np.array([-1, 3, 500], np.int64)},
    )

    assert "cannot be run on 1600 samples (" in refusal(file)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"output": ("features", "tags"), "labels": LABELS[:2]}, "labels name 2 tags, but output"),
        ({"output": 0, "labels": LABELS}, "labels name 3 tags, but output 0 of"),
        ({"output": "scores", "labels": LABELS}, "Set `probabilities = true`"),
        (
            {"output": "tags", "labels": LABELS, "probabilities": True},
            "Remove `probabilities = true`",
        ),
    ],
)
def test_labels_fit_the_tags(made_onnx: Path, changed: dict[str, Any], words: str) -> None:
    assert words in refusal(made_onnx, **changed)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.txt", "up\nloud\r\nquiet\n\n"),
        ("labels.csv", "up\nloud\nquiet\n"),
        ("map.csv", 'index,mid,display_name\n0,/m/1,up\n1,/m/2,"loud"\n2,/m/3,quiet\n'),
    ],
)
def test_labels_are_read_from_a_file(made_onnx: Path, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")

    model = find_own(made_onnx, output="tags", labels=str(tmp_path / name))

    assert model.embedding.tag_names == LABELS


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("none.txt", None, "labels cannot be read from"),
        ("empty.txt", "\n", "names no labels. Write one a line"),
        ("twice.txt", "up\nup\nquiet", "Label 'up' is empty or named more than once"),
        ("gap.txt", "up\n\nquiet", "Label '' is empty or named more than once"),
        ("map.csv", "a,b\n0,up\n", "has several columns, and none is called label, tag,"),
    ],
)
def test_labels_that_cannot_be_read_are_refused(
    made_onnx: Path, tmp_path: Path, name: str, text: str | None, words: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, "utf-8")

    assert words in refusal(made_onnx, output="tags", labels=str(tmp_path / name))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sample_rate": 16_001}, "sample_rate is 16001. Use the rate"),
        ({"window_s": 0.0}, "window_s is 0 and hop_s 0"),
        ({"window_s": float("nan")}, "window_s is nan"),
        ({"hop_s": -1.0}, "hop_s -1"),
        ({"licence": " "}, "licence is empty"),
        ({"output": ()}, "output is empty"),
        ({"probabilities": True}, "probabilities is set, but no labels are"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changed: dict[str, Any], words: str) -> None:
    settings: dict[str, Any] = {"sample_rate": 16_000, "window_s": 0.1, "licence": "CC0"}

    with pytest.raises(ValueError, match=words):
        EmbeddingConfig(file=Path("m.onnx"), **{**settings, **changed})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        *((name, "name of a built-in") for name in ("thesis", "musicnn", "musicnn_vgg", "logmel")),
        *((name, "cannot be used as a name") for name in ("", "1st", "my model", "a/b")),
    ],
)
def test_names_are_words_that_are_not_taken(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        require_own_names([name])


def test_an_unknown_embedding_is_refused_with_the_known_ones(made_onnx: Path) -> None:
    own = {"mine": EmbeddingConfig(file=made_onnx, sample_rate=16_000, window_s=0.1, licence="-")}

    with pytest.raises(UsageError, match=r"no embedding 'yamnet'\. Choose one of: .*, mine"):
        find_model("yamnet", own)

"""Atomic writes and digests."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from genre_core.digests import digest_document
from storage.files import digest_file, write_bytes, write_whole


def test_a_file_is_replaced_by_what_was_written(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "notes.txt"
    write_bytes(target, b"old")
    write_bytes(target, b"new")
    assert target.read_bytes() == b"new"
    assert [file.name for file in target.parent.iterdir()] == ["notes.txt"]


def _write_half(target: Path) -> None:
    with write_whole(target) as part:
        part.write_bytes(b"half")
        raise RuntimeError


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    target.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        _write_half(target)
    assert target.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_the_digest_of_a_file_is_what_sha256sum_prints(tmp_path: Path) -> None:
    file = tmp_path / "song.mp3"
    file.write_bytes(b"sound" * 1000)
    printed = subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True).stdout
    assert digest_file(file) == printed.split()[0]


def test_a_document_has_one_digest_whatever_the_order_of_its_keys() -> None:
    expected = hashlib.sha256(b'{"a": [1, 2], "b": "x"}').hexdigest()[:16]
    assert digest_document({"b": "x", "a": [1, 2]}) == expected
    assert digest_document({"b": "x", "a": [2, 1]}) != expected

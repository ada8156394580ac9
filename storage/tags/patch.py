"""What takes a file back: the bytes in which it differs from a changed one of any format."""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_BLOCK_BYTES = 1024
_NEAR_BYTES = 32
"""Differences nearer than this are kept as one."""
_LONG_BYTES, _PROBE_BYTES = 1024, 64
"""Of differences that may have moved by a way of their own, and what is looked for of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """How to make the former file of ``n_bytes`` of the changed one.

    Byte ``i`` is byte ``i`` of the changed file before ``split``, and byte ``i + shift`` from there
    on, but for ``moves``: begins, ends and shifts of their own, and for ``edits``: places and
    former bytes.
    """

    n_bytes: int
    split: int
    shift: int
    edits: tuple[tuple[int, bytes], ...]
    moves: tuple[tuple[int, int, int], ...] = ()

    def as_document(self) -> dict[str, Any]:
        """Return plain values by name."""
        edits = [[at, b64encode(former).decode()] for at, former in self.edits]
        moves = [list(move) for move in self.moves]
        plain = {"n_bytes": self.n_bytes, "split": self.split, "shift": self.shift}
        return {**plain, "edits": edits, "moves": moves}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Patch":
        """Return the patch of `as_document`."""
        edits = tuple((int(at), b64decode(former)) for at, former in document["edits"])
        moves = tuple((begin, end, shift) for begin, end, shift in document.get("moves", ()))
        return cls(**{**document, "edits": edits, "moves": moves})


def find_patch(former: bytes, changed: bytes) -> Patch:
    """Return the patch that makes the former file of the changed one.

    A tag that grows moves what follows it; bytes before it, such as sizes, change in place. What is
    between it and padding, or a second tag, moves by a way of its own.
    """
    shift = len(changed) - len(former)
    begin, end = span = _span(former, changed)
    at_start, at_end = (_differs(former, changed, span, moved) for moved in (0, shift))
    before = np.concatenate([[0], np.cumsum(_by_block(at_start))])
    after = np.concatenate([np.cumsum(_by_block(at_end)[::-1])[::-1], [0]])
    split = min(int((before + after).argmin()) * _BLOCK_BYTES, end - begin)
    wrong = np.concatenate([at_start[:split], at_end[split:]])
    moves = tuple(_find_moves(former, changed, [(begin + n, begin + m) for n, m in _runs(wrong)]))
    for first, last, moved in moves:
        wrong[first - begin : last - begin] = _differs(former, changed, (first, last), moved)
    edits = tuple((begin + n, former[begin + n : begin + m]) for n, m in _runs(wrong))
    return Patch(n_bytes=len(former), split=begin + split, shift=shift, edits=edits, moves=moves)


def _find_moves(
    former: bytes, changed: bytes, runs: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, int]]:
    """Yield the long runs whose middle is elsewhere in the changed file: begin, end and shift."""
    for begin, end in runs:
        middle = (begin + end) // 2
        if end - begin >= _LONG_BYTES:
            place = changed.find(former[middle : middle + _PROBE_BYTES])
            if place >= 0:
                yield begin, end, place - middle


def apply_patch(changed: bytes, patch: Patch) -> bytes:
    """Return the former file; it is that file only if its digest says so."""
    made = bytearray(patch.n_bytes)
    head = changed[: patch.split]
    made[: len(head)] = head
    begin = patch.split + patch.shift
    tail = changed[max(begin, 0) : patch.n_bytes + patch.shift]
    at = patch.split - min(begin, 0)
    made[at : at + len(tail)] = tail
    for first, last, shift in patch.moves:
        moved = changed[max(first + shift, 0) : max(last + shift, 0)]
        at = max(first, -shift)
        made[at : at + len(moved)] = moved
    for place, former in patch.edits:
        made[place : place + len(former)] = former
    return bytes(made[: patch.n_bytes])


def _differs(
    former: bytes, changed: bytes, span: tuple[int, int], shift: int
) -> npt.NDArray[np.bool_]:
    """Where bytes of a span of the former file differ from those of the changed one, moved."""
    a, b = np.frombuffer(former, np.uint8), np.frombuffer(changed, np.uint8)
    begin, end = span
    found = np.ones(end - begin, bool)
    first, last = max(begin, -shift), min(end, len(b) - shift)
    if first < last:
        found[first - begin : last - begin] = a[first:last] != b[first + shift : last + shift]
    return found


def _span(former: bytes, changed: bytes) -> tuple[int, int]:
    """Where the former file begins to differ from the start, and to be the same up to its end."""
    a, b = np.frombuffer(former, np.uint8), np.frombuffer(changed, np.uint8)
    n = min(len(a), len(b))
    begin = _first(a[:n] != b[:n])
    n_same = _first(a[len(a) - n :][::-1] != b[len(b) - n :][::-1])
    return begin, max(begin, len(a) - n_same)


def _first(differs: npt.NDArray[np.bool_]) -> int:
    return int(differs.argmax()) if differs.any() else len(differs)


def _by_block(differs: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Which blocks hold a difference, as 0 and 1."""
    padded = np.pad(differs, (0, -len(differs) % _BLOCK_BYTES))
    return np.asarray(padded.reshape(-1, _BLOCK_BYTES).any(axis=1), np.int64)


def _runs(wrong: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each run of differences, near ones as one."""
    places = np.flatnonzero(wrong)
    if len(places):
        gaps = np.flatnonzero(np.diff(places) > _NEAR_BYTES)
        starts, ends = np.append(0, gaps + 1), np.append(gaps, len(places) - 1)
        yield from zip(places[starts].tolist(), (places[ends] + 1).tolist(), strict=True)

"""What takes a file back: the bytes in which it differs from a changed one of any format."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

_BLOCK_BYTES = 1 << 10
_PIECE_BYTES = 1 << 18
"""Compared at once: a file may be large, and what is known of each byte larger."""
_NEAR_BYTES = 32
"""Differences nearer than this are kept as one."""
_LONG_BYTES, _PROBE_BYTES = 1024, 64
"""Of differences that may have moved by a way of their own, and what is looked for of them."""
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


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
    a, b = np.frombuffer(former, np.uint8), np.frombuffer(changed, np.uint8)
    shift = len(b) - len(a)
    begin = _count_same(a, b)
    end = max(begin, len(a) - _count_same(a[::-1], b[::-1]))
    before = np.concatenate([[0], np.cumsum(_differing_blocks(a, b, begin, end, 0))])
    after = np.cumsum(_differing_blocks(a, b, begin, end, shift)[::-1])[::-1]
    place = int((before + np.concatenate([after, [0]])).argmin())
    split = min(begin + place * _BLOCK_BYTES, end)
    runs = _join_near([*_runs(a, b, begin, split, 0), *_runs(a, b, split, end, shift)])
    moves = {move[:2]: move for move in _find_moves(former, changed, runs)}
    left = [_runs(a, b, *moves[run]) if run in moves else [run] for run in runs]
    edits = tuple((n, former[n:m]) for n, m in _join_near(chain.from_iterable(left)))
    moved = tuple(moves.values())
    return Patch(n_bytes=len(former), split=split, shift=shift, edits=edits, moves=moved)


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
    made, source = bytearray(patch.n_bytes), memoryview(changed)
    whole = ((0, patch.split, 0), (patch.split, patch.n_bytes, patch.shift))
    for first, last, shift in (*whole, *patch.moves):
        moved = source[max(first + shift, 0) : max(last + shift, 0)]
        at = max(first, -shift)
        made[at : at + len(moved)] = moved
    for place, former in patch.edits:
        made[place : place + len(former)] = former
    return bytes(made)


def _count_same(a: Bytes, b: Bytes) -> int:
    """Return how many bytes are the same before the first that differs."""
    n = min(len(a), len(b))
    for at in range(0, n, _PIECE_BYTES):
        differs = a[at : min(at + _PIECE_BYTES, n)] != b[at : min(at + _PIECE_BYTES, n)]
        if differs.any():
            return at + int(differs.argmax())
    return n


def _differing_blocks(a: Bytes, b: Bytes, begin: int, end: int, shift: int) -> Bools:
    """Which blocks of a span of the former file differ from those of the changed one, moved."""
    pieces: list[Bools] = [np.empty(0, bool)]
    for _, differs in _compare(a, b, begin, end, shift):
        padded = np.pad(differs, (0, -len(differs) % _BLOCK_BYTES))
        pieces.append(np.asarray(padded.reshape(-1, _BLOCK_BYTES).any(axis=1)))
    return np.concatenate(pieces)


def _runs(a: Bytes, b: Bytes, begin: int, end: int, shift: int) -> Iterator[tuple[int, int]]:
    """Yield begin and end of what differs in a span, with what is near in a piece as one."""
    for at, differs in _compare(a, b, begin, end, shift):
        places = at + np.flatnonzero(differs)
        if len(places):
            gaps = np.flatnonzero(np.diff(places) > _NEAR_BYTES)
            starts, ends = np.append(0, gaps + 1), np.append(gaps, -1)
            yield from zip(places[starts].tolist(), (places[ends] + 1).tolist(), strict=True)


def _compare(a: Bytes, b: Bytes, begin: int, end: int, shift: int) -> Iterator[tuple[int, Bools]]:
    """Yield where pieces of a span begin, and which of their bytes differ from those moved."""
    for at in range(begin, end, _PIECE_BYTES):
        stop = min(at + _PIECE_BYTES, end)
        differs = np.ones(stop - at, bool)
        first, last = max(at, -shift), min(stop, len(b) - shift)
        if first < last:
            differs[first - at : last - at] = a[first:last] != b[first + shift : last + shift]
        yield at, differs


def _join_near(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join spans, in order, that are near to each other."""
    joined: list[tuple[int, int]] = []
    for begin, end in spans:
        is_near = joined and begin - joined[-1][1] <= _NEAR_BYTES
        joined.append((joined.pop()[0] if is_near else begin, end))
    return joined

"""What takes a file back: the bytes in which it differs from a changed one of any format."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_BLOCK_BYTES = 1 << 10
_READ_BYTES = 1 << 20
_NEAR_BYTES = 32
"""Differences nearer than this are kept as one."""
Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """How to make the former file of ``n_bytes`` of the changed one.

    Byte ``i`` is byte ``i`` of the changed file before ``split``, and byte ``i + shift`` from there
    on, but for ``edits``: places and former bytes.
    """

    n_bytes: int
    split: int
    shift: int
    edits: tuple[tuple[int, bytes], ...]

    def as_document(self) -> dict[str, Any]:
        """Return plain values by name."""
        edits = [[at, b64encode(former).decode()] for at, former in self.edits]
        return {"n_bytes": self.n_bytes, "split": self.split, "shift": self.shift, "edits": edits}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Patch":
        """Return the patch of `as_document`."""
        edits = tuple((int(at), b64decode(former)) for at, former in document["edits"])
        return cls(**{**document, "edits": edits})


def find_patch(former: bytes, changed: bytes) -> Patch:
    """Return the patch that makes the former file of the changed one.

    A tag that grows moves what follows it; bytes before it, such as sizes, change in place. Beside
    the files, memory is a byte for each block that lies between differences.
    """
    a, b = np.frombuffer(former, np.uint8), np.frombuffer(changed, np.uint8)
    shift = len(b) - len(a)
    begin = _count_same(a, b)
    end = max(begin, len(a) - _count_same(a[::-1], b[::-1]))
    at_start, at_end = (_differing_blocks(a, b, begin, end, moved) for moved in (0, shift))
    before = np.concatenate([[0], np.cumsum(at_start)])
    after = np.concatenate([np.cumsum(at_end[::-1])[::-1], [0]])
    place = int((before + after).argmin())
    split = min(begin + place * _BLOCK_BYTES, end)
    wrong = [
        *_find_wrong(a, b, begin, split, at_start[:place], 0),
        *_find_wrong(a, b, split, end, at_end[place:], shift),
    ]
    edits = tuple((n, former[n:m]) for n, m in _join_near(wrong))
    return Patch(n_bytes=len(former), split=split, shift=shift, edits=edits)


def apply_patch(changed: bytes, patch: Patch) -> bytes:
    """Return the former file; it is that file only if its digest says so."""
    made, source = bytearray(patch.n_bytes), memoryview(changed)
    head = source[: min(patch.split, patch.n_bytes)]
    made[: len(head)] = head
    begin = max(patch.split + patch.shift, 0)
    at = begin - patch.shift
    tail = source[begin : patch.n_bytes + patch.shift]
    made[at : at + len(tail)] = tail
    for place, former in patch.edits:
        made[place : place + len(former)] = former
    return bytes(made)


def _count_same(a: Bytes, b: Bytes) -> int:
    """Return how many bytes are the same before the first difference, read piece by piece."""
    n = min(len(a), len(b))
    for at in range(0, n, _READ_BYTES):
        differs = a[at : min(at + _READ_BYTES, n)] != b[at : min(at + _READ_BYTES, n)]
        if differs.any():
            return at + int(differs.argmax())
    return n


def _differing_blocks(a: Bytes, b: Bytes, begin: int, end: int, shift: int) -> Bools:
    """Which blocks of a span of the former file differ from those of the changed one, moved."""
    blocks = [
        _pad(_differs(a, b, at, min(at + _READ_BYTES, end), shift))
        .reshape(-1, _BLOCK_BYTES)
        .any(axis=1)
        for at in range(begin, end, _READ_BYTES)
    ]
    return np.concatenate(blocks) if blocks else np.empty(0, bool)


def _pad(differs: Bools) -> Bools:
    return np.pad(differs, (0, -len(differs) % _BLOCK_BYTES))


def _find_wrong(
    a: Bytes, b: Bytes, begin: int, end: int, blocks: Bools, shift: int
) -> Iterator[tuple[int, int]]:
    """Yield begin and end of what differs, in some of the blocks from ``begin`` on."""
    marked = np.flatnonzero(blocks)
    for run in np.split(marked, np.flatnonzero(np.diff(marked) > 1) + 1) if len(marked) else ():
        last = min(begin + (int(run[-1]) + 1) * _BLOCK_BYTES, end)
        for at in range(begin + int(run[0]) * _BLOCK_BYTES, last, _READ_BYTES):
            places = at + np.flatnonzero(_differs(a, b, at, min(at + _READ_BYTES, last), shift))
            gaps = np.flatnonzero(np.diff(places) > _NEAR_BYTES)
            starts, ends = np.append(0, gaps + 1), np.append(gaps, -1)
            yield from zip(places[starts].tolist(), (places[ends] + 1).tolist(), strict=True)


def _differs(a: Bytes, b: Bytes, begin: int, end: int, shift: int) -> Bools:
    """Where bytes of a span of the former file differ from those of the changed one, moved."""
    found = np.ones(end - begin, bool)
    first, last = max(begin, -shift), min(end, len(b) - shift)
    if first < last:
        found[first - begin : last - begin] = a[first:last] != b[first + shift : last + shift]
    return found


def _join_near(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join spans, in order, that are near to each other."""
    joined: list[tuple[int, int]] = []
    for begin, end in spans:
        if joined and begin - joined[-1][1] <= _NEAR_BYTES:
            begin = joined.pop()[0]
        joined.append((begin, end))
    return joined

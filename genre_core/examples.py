"""Examples: matrices with their labels and the tracks they were cut from."""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """Examples of one split, a row a fragment."""

    matrices: Float32Array  # (n_examples, n_bands, n_frames)
    labels: Int64Array  # index into the genres of the snapshot
    track_ids: npt.NDArray[np.object_]  # str, the same for all fragments of a song

    def __len__(self) -> int:
        return len(self.labels)


NAMES_AT_ONCE = 10_000


def digest_examples(*splits: Examples) -> str:
    """Digest matrices, labels and tracks of some splits, in order: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for split in splits:
        digest.update(repr(split.matrices.shape).encode())
        digest.update(np.ascontiguousarray(split.matrices, "<f4").data)
        digest.update(np.ascontiguousarray(split.labels, "<i8").data)
        for start in range(0, len(split), NAMES_AT_ONCE):
            names = "\n".join(split.track_ids[start : start + NAMES_AT_ONCE])
            digest.update(f"{chr(10) if start else ''}{names}".encode())
    return digest.hexdigest()[:16]

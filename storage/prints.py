"""The cache of fingerprints between print and record: one small file a track."""

import os
import shutil
import uuid
from pathlib import Path

import numpy as np

from genre_core.fingerprints import Items
from storage.layout import DataLayout

_ITEM = np.dtype("<u4")


def write_print(layout: DataLayout, track_id: str, items: Items) -> Path:
    """Write the fingerprint of a track; the file appears whole or not at all.

    Parameters
    ----------
    items : uint32 [shape=(n_items,)]
        None for a song that cannot be fingerprinted.
    """
    path = layout.prints / track_id
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            file.write(pack_items(items))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def read_print(path: Path) -> Items:
    """Read what `write_print` wrote: uint32 [shape=(n_items,)]."""
    return unpack_items(path.read_bytes())


def sweep_prints(layout: DataLayout) -> None:
    """Empty the cache; what a killed process left in it is printed again."""
    shutil.rmtree(layout.prints, ignore_errors=True)


def pack_items(items: Items) -> bytes:
    """Give the items of a fingerprint one after the other, the lowest byte of each first."""
    return items.astype(_ITEM).tobytes()


def unpack_items(packed: bytes) -> Items:
    """Give back what `pack_items` packed: uint32 [shape=(n_items,)]."""
    return np.frombuffer(packed, _ITEM).astype(np.uint32)

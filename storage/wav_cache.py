"""Converted fragments as WAV files: new representations and shorter lengths need no decoding.

``wav/<two letters>/<track_id>.<plan key>.wav`` holds the fragments of a song under one cut plan,
then a note of where they start. In former versions that stood beside it, in ``….json``.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from genre_core.digests import digest_document
from genre_core.examples import Float32Array
from genre_core.signal.fragments import SAMPLE_RATE, CutPlan
from storage.audio.decode import DECODER_VERSION
from storage.audio.wav import read_note, write_wav
from storage.files import PART, trim_files
from storage.home import DataLayout

_OURS = re.compile(r"\w+\.[0-9a-f]{16}\.(wav|json)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedWav:
    """The fragments of a song on disk, where they start, and how much of them is at full scale."""

    path: Path
    starts_s: tuple[float, ...]
    full_scale_share: float


def find_wav(layout: DataLayout, track_id: str, plan: CutPlan) -> CachedWav | None:
    """Return the cached fragments of a song under a cut plan; None if they are not whole there."""
    path = _path(layout, track_id, plan)
    try:
        note = json.loads(read_note(path))
        path.touch()
        return CachedWav(
            path=path, starts_s=tuple(note["starts_s"]), full_scale_share=note["share"]
        )
    except (OSError, ValueError, KeyError):
        return None


def keep_wav(
    layout: DataLayout,
    track_id: str,
    plan: CutPlan,
    fragments: Float32Array,
    starts_s: tuple[float, ...],
    full_scale_share: float,
) -> CachedWav:
    """Write fragments, float32 (n_fragments, n_samples) at 44.1 kHz, into the cache."""
    path = _path(layout, track_id, plan)
    note = json.dumps({"starts_s": starts_s, "share": full_scale_share})
    write_wav(path, fragments, note.encode())
    return CachedWav(path=path, starts_s=starts_s, full_scale_share=full_scale_share)


def trim_wav_cache(layout: DataLayout, max_bytes: int) -> int:
    """Remove the WAV files used longest ago, and partial ones; return the bytes that stay.

    Files that the cache did not write are left alone.
    """
    ours = {path for path in layout.wav.glob("??/*") if _OURS.fullmatch(path.name)}
    n_bytes = trim_files([path for path in ours if path.suffix == ".wav"], max_bytes)
    for path in layout.wav.glob("??/*"):
        is_left = path in ours and path.suffix == ".json"
        if is_left or PART.fullmatch(path.name):
            path.unlink()
    return n_bytes


def _path(layout: DataLayout, track_id: str, plan: CutPlan) -> Path:
    facts = {**asdict(plan), "sample_rate": SAMPLE_RATE, "decoder": DECODER_VERSION}
    return layout.wav / track_id[:2] / f"{track_id}.{digest_document(facts)}.wav"

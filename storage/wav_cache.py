"""Converted fragments as WAV files: new representations and shorter lengths need no decoding.

``wav/<two letters>/<track_id>.<plan key>.wav`` holds the fragments of a song under one cut plan,
``….json`` beside it where they start. Both appear whole, the notes first.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from genre_core.digests import digest_document
from genre_core.examples import Float32Array
from genre_core.signal.fragments import SAMPLE_RATE, CutPlan
from storage.audio.decode import DECODER_VERSION
from storage.audio.wav import write_wav
from storage.files import PART, write_bytes
from storage.home import DataLayout

_OURS = re.compile(r"\w+\.[0-9a-f]{16}\.(wav|json)")
HEADER_BYTES, SAMPLE_BYTES = 44, 2


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
        notes = json.loads(path.with_suffix(".json").read_text("utf-8"))
        if path.stat().st_size != notes["n_bytes"]:
            return None
        path.touch()
    except (OSError, ValueError, KeyError):
        return None
    return CachedWav(
        path=path, starts_s=tuple(notes["starts_s"]), full_scale_share=notes["full_scale_share"]
    )


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
    notes = {
        "starts_s": starts_s,
        "full_scale_share": full_scale_share,
        "n_bytes": HEADER_BYTES + SAMPLE_BYTES * fragments.size,
    }
    write_bytes(path.with_suffix(".json"), json.dumps(notes).encode())
    write_wav(path, fragments)
    return CachedWav(path=path, starts_s=starts_s, full_scale_share=full_scale_share)


def trim_wav_cache(layout: DataLayout, max_bytes: int) -> int:
    """Remove the WAV files used longest ago, and partial ones; return the bytes that stay.

    Files that the cache did not write are left alone.
    """
    ours = {path for path in layout.wav.glob("??/*") if _OURS.fullmatch(path.name)}
    wavs = [(path.stat(), path) for path in ours if path.suffix == ".wav"]
    n_bytes = 0
    for status, path in sorted(wavs, key=lambda wav: wav[0].st_mtime_ns, reverse=True):
        if n_bytes + status.st_size <= max_bytes:
            n_bytes += status.st_size
        else:
            path.unlink()
    for path in layout.wav.glob("??/*"):
        is_left = path in ours and not path.with_suffix(".wav").exists()
        if is_left or PART.fullmatch(path.name):
            path.unlink()
    return n_bytes


def _path(layout: DataLayout, track_id: str, plan: CutPlan) -> Path:
    facts = {**asdict(plan), "sample_rate": SAMPLE_RATE, "decoder": DECODER_VERSION}
    return layout.wav / track_id[:2] / f"{track_id}.{digest_document(facts)}.wav"

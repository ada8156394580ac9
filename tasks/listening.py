"""How a song is heard that is to be judged: cut as in training; nothing is stored."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from genre_core.errors import TrackRejected
from genre_core.examples import Float32Array
from genre_core.features import FeatureConfig, matrices_of
from genre_core.fragments import Float64Array, spread_starts
from genre_core.records import AudioFacts, Reason, Source
from storage.audio.cutting import cut_fragments
from storage.audio.decode import read_fragments
from storage.audio.wav import round_samples
from storage.download import DownloadLimits, fetch_song, probe_song
from storage.embeddings.transforms import Transform
from storage.layout import DataLayout
from storage.sources.identity import identify

N_THREADS = 2
"""Somebody waits for a verdict; many songs are better transformed one a thread."""


def listen(
    song: str,
    features: FeatureConfig,
    limits: DownloadLimits | None = None,
    transform: Transform | None = None,
) -> tuple[Float64Array, Float32Array]:
    """Cut a song as in training: where its fragments start, and their matrices.

    ``transform`` is that of an embedding; without one, spectrograms are computed.
    A file is read where it stands; a copy that is fetched from elsewhere is thrown away.
    """
    with tempfile.TemporaryDirectory(prefix="genreflow-") as folder:
        path, track_id, facts = _reach(song, DataLayout(Path(folder)), limits or DownloadLimits())
        starts_s, fragments = _cut(path, track_id, facts, features)
    matrices = (
        transform.apply(round_samples(fragments))
        if transform
        else transform_fragments(fragments, features)
    )
    if not (fragments.any() and matrices.any()):
        raise TrackRejected(Reason.SILENT, f"every fragment of {song} is silent.")
    return starts_s, matrices


def transform_fragments(fragments: Float32Array, features: FeatureConfig) -> Float32Array:
    """Turn fragments into matrices, some in each thread."""
    parts = np.array_split(fragments, max(1, min(N_THREADS, len(fragments))))
    with ThreadPoolExecutor(N_THREADS) as threads:
        return np.concatenate(
            list(threads.map(lambda part: matrices_of(round_samples(part), features), parts))
        )


def _reach(song: str, fleeting: DataLayout, limits: DownloadLimits) -> tuple[Path, str, AudioFacts]:
    """Give the file of a song, its track id and what its packets say.

    A file whose name hides what it is is copied to a name that tells it: some decoders go by that.
    """
    path = Path(song).absolute()
    if "://" not in song:
        track_id, facts, suffix = probe_song(path, fleeting, limits)
        if suffix == path.suffix.lower():
            return path, track_id, facts
    location = song if "://" in song else str(path)
    track = fetch_song(identify(Source(location=location, genre="")), fleeting, limits)
    return fleeting.song(track.track_id, track.suffix), track.track_id, track.facts


def _cut(
    path: Path, track_id: str, facts: AudioFacts, features: FeatureConfig
) -> tuple[Float64Array, Float32Array]:
    """Cut the fragments that training would cut; spread them if the song is too short.

    They are read at the longest length, as in training: an mp3 that is read in other spans
    gives samples that differ in the last bit.
    """
    try:
        cut = cut_fragments(path, track_id, facts, features.plan)
    except TrackRejected as rejection:
        if rejection.reason != Reason.TOO_SHORT or features.embedding:
            raise
        starts_s = spread_starts(facts.duration_s, features.fragment_s, features.fragments)
        fragments = read_fragments(path, facts, starts_s.tolist(), features.fragment_s)
        return starts_s, fragments
    return np.array(cut.starts_s), cut.fragments

"""How many copies of a recording are found, how many different songs are taken for one, how fast.

``PYTHONPATH=. .venv/bin/python benchmarks/duplicates.py FOLDER [SONGS [FINGERPRINTS]]``

FOLDER holds songs that are all different; SONGS of them are copied in every way of `COPIES`, and
looked up among all; then a wave is recorded into a catalog of FINGERPRINTS made-up ones.
"""

import hashlib
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg
import numpy as np
import soundfile

from genre_core.records import Track
from genre_core.signal.fingerprints import (
    N_KEYED_ITEMS,
    SAME_RECORDING,
    Items,
    KeyIndex,
    LookupKeys,
    find_candidates,
    index_keys,
    select_keys,
    similarity,
)
from storage.audio.fingerprint import fingerprint_song
from storage.audio.probe import CONTAINER_SUFFIXES, probe_audio
from storage.catalog.connection import open_catalog
from storage.catalog.fingerprints import Fingerprint, record_fingerprints
from storage.catalog.songs import record_songs
from storage.home import DataLayout

COPIES: Mapping[str, tuple[str, str, str]] = {
    "mp3 64 kbit/s": (".mp3", "0", "-b:a 64k"),
    "mp3 128 kbit/s": (".mp3", "0", "-b:a 128k"),
    "mp3 320 kbit/s": (".mp3", "0", "-b:a 320k"),
    "ogg vorbis": (".ogg", "0", "-c:a libvorbis -q:a 3"),
    "opus 64 kbit/s": (".opus", "0", "-c:a libopus -b:a 64k"),
    "m4a aac 96 kbit/s": (".m4a", "0", "-c:a aac -b:a 96k"),
    "6 dB louder": (".mp3", "0", "-b:a 192k -af volume=6dB"),
    "6 dB softer": (".mp3", "0", "-b:a 192k -af volume=-6dB"),
    "first 5.0 s cut off": (".mp3", "5.0", "-b:a 128k"),
    "first 5.1 s cut off, mp3 64": (".mp3", "5.1", "-b:a 64k"),
    "first 28 s cut off, mp3 64": (".mp3", "28", "-b:a 64k"),
}
SUFFIXES = {*CONTAINER_SUFFIXES.values(), ".opus"}
COPIED_S = 130
N_MADE_UP_SONGS = 24
SAMPLE_RATE = 11_025
N_ITEMS = 948
N_FILLED, N_WAVE = 1000, 512


def main(folder: Path, n_songs: int = 16, n_fingerprints: int = 100_000) -> None:
    """Say what is found of copies, among pairs of different songs, and how fast."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    with TemporaryDirectory() as scratch:
        songs = [_fingerprint(path) for path in [*paths, *_make_up_songs(Path(scratch))]]
        index = index_keys([_keys(items) for items in songs])
        _say(f"{len(paths)} songs, {len(songs) - len(paths)} made up; same from {SAME_RECORDING}")
        _report_neighbours(index, songs)
        chosen = range(0, len(paths), max(1, len(paths) // n_songs))[:n_songs]
        for name in COPIES:
            copies = {n: _copy(paths[n], name, Path(scratch)) for n in chosen}
            _report_recall(name, copies, songs, index)
    _report_pairs(songs)
    with TemporaryDirectory() as home:
        _report_speed(songs[: len(paths)], n_fingerprints, Path(home))


def find_recordings(index: KeyIndex, songs: list[Items], wanted: Items) -> list[int]:
    """Return the songs that are the same recording: candidates by key, then exact alignment."""
    candidates = find_candidates(index, _keys(wanted)).tolist()
    return [n for n in candidates if similarity(songs[n], wanted).similarity >= SAME_RECORDING]


def _keys(items: Items) -> LookupKeys:
    return select_keys(items[:N_KEYED_ITEMS])


def _report_recall(
    name: str, copies: Mapping[int, Items], songs: list[Items], index: KeyIndex
) -> None:
    found = {n: find_recordings(index, songs, copy) for n, copy in copies.items()}
    n_found = sum(n in matches for n, matches in found.items())
    n_wrong = sum(len(set(matches) - {n}) for n, matches in found.items())
    least = min(similarity(songs[n], copy).similarity for n, copy in copies.items())
    _say(
        f"{name:<28} found {n_found:>3} of {len(copies):>3}, others taken for it {n_wrong}, "
        f"least similarity {least:.3f}"
    )


def _report_pairs(songs: list[Items]) -> None:
    found = [similarity(one, other).similarity for one, other in combinations(songs, 2)]
    n_same = sum(value >= SAME_RECORDING for value in found)
    _say(
        f"{len(found)} pairs of different songs: {n_same} taken for one; "
        f"median {np.median(found):.3f}, greatest {max(found):.3f}"
    )


def _report_speed(songs: list[Items], n_fingerprints: int, home: Path) -> None:
    """Record a wave into a catalog of fingerprints with bits as common as those of the songs."""
    layout, pool = DataLayout(home), np.concatenate(songs)
    for first in range(0, n_fingerprints, N_FILLED):
        filled = range(first, min(first + N_FILLED, n_fingerprints))
        made_up = [_make_up_items(n, pool) for n in filled]
        with open_catalog(layout) as catalog:
            record_fingerprints(catalog, _name_fingerprints(made_up, first))
    copied = range(0, n_fingerprints, 2 * n_fingerprints // N_WAVE)
    wave = [_flip(np.random.default_rng(n), _make_up_items(n, pool), 4) for n in copied]
    wave += [_make_up_items(n_fingerprints + n, pool) for n in range(N_WAVE - len(wave))]
    fingerprints = _name_fingerprints(wave, n_fingerprints)
    with open_catalog(layout) as catalog:
        record_songs(catalog, [_make_up_track(one.track_id) for one in fingerprints], [])
    started, used = time.perf_counter(), time.process_time()
    with open_catalog(layout) as catalog:
        n_found = record_fingerprints(catalog, fingerprints)
    seconds, used_s = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    _say(
        f"a wave of {N_WAVE} in a catalog of {n_fingerprints} fingerprints: {seconds:.2f} s, "
        f"{1000 * seconds / N_WAVE:.1f} ms a song ({used_s:.2f} s of processor time); {n_found} "
        f"copies of {len(copied)} found; catalog {layout.catalog.stat().st_size >> 20} MiB, "
        f"peak memory {peak} MiB"
    )


def _name_fingerprints(songs: list[Items], first: int) -> list[Fingerprint]:
    return [
        Fingerprint(track_id=hashlib.sha256(f"{n}".encode()).hexdigest(), items=items)
        for n, items in enumerate(songs, start=first)
    ]


def _make_up_track(track_id: str) -> Track:
    return Track(
        track_id=track_id,
        location=f"/music/{track_id}.mp3",
        genre="jazz",
        artist="",
        album="",
        title="",
        licence="",
        duration_s=180.0,
        sample_rate=44_100,
        channels=2,
        codec="mp3",
        suffix=".mp3",
    )


def _flip(rng: np.random.Generator, items: Items, halvings: int) -> Items:
    """Flip each bit with a chance of a half to the power of ``halvings``."""
    draws = rng.integers(0, 1 << 32, (halvings, len(items)), dtype=np.uint32)
    return items ^ np.bitwise_and.reduce(draws)


def _make_up_items(number: int, pool: Items) -> Items:
    """Take items of the songs in any order, with an eighth of their bits flipped."""
    rng = np.random.default_rng(number)
    return _flip(rng, rng.choice(pool, N_ITEMS), 3)


def _make_up_songs(folder: Path) -> Iterator[Path]:
    """Write songs of decaying chords, each beat another, with bursts of noise."""
    for seed in range(N_MADE_UP_SONGS):
        rng = np.random.default_rng(seed)
        beat = np.arange(round(rng.uniform(0.25, 0.5) * SAMPLE_RATE)) / SAMPLE_RATE
        beats = [_play_chord(rng, beat) for _ in range(int(COPIED_S / beat[-1]))]
        path = folder / f"made up {seed}.wav"
        soundfile.write(path, np.concatenate(beats), SAMPLE_RATE)
        yield path


def _play_chord(rng: np.random.Generator, beat: np.ndarray) -> np.ndarray:
    tones_hz = 110 * 2 ** (rng.integers(0, 36, 3) / 12)
    tones = [np.sin(2 * np.pi * k * f * beat) / k for f in tones_hz for k in (1, 2, 3)]
    noise = 0.05 * rng.standard_normal(len(beat))
    return 0.4 * np.exp(-4 * beat / beat[-1]) * (np.sum(tones, axis=0) / 6 + noise)


def _copy(song: Path, name: str, folder: Path) -> Items:
    suffix, start_s, options = COPIES[name]
    copy = folder / f"copy{suffix}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-threads", "1"]
    command += ["-ss", start_s, "-t", str(COPIED_S), "-i", str(song), "-map", "0:a:0"]
    subprocess.run([*command, *options.split(), str(copy)], check=True)
    return _fingerprint(copy)


def _fingerprint(song: Path) -> Items:
    return fingerprint_song(song, probe_audio(song))


def _report_neighbours(index: KeyIndex, songs: list[Items]) -> None:
    found = [find_recordings(index, songs, items) for items in songs]
    n_wrong = sum(len(set(matches) - {number}) for number, matches in enumerate(found))
    _say(f"different songs that a search takes for one: {n_wrong // 2}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))

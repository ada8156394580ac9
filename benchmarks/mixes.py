"""What mixes and medleys of two different songs are taken for: a copy of one, of both, of none.

``PYTHONPATH=. .venv/bin/python benchmarks/mixes.py FOLDER [PAIRS]``

FOLDER holds songs that are all different; PAIRS of neighbours are mixed in every way of `MIXES`.
A recording that counts as a copy of both would make two songs one.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg

from genre_core.signal.fingerprints import SAME_RECORDING, Items, similarity
from storage.audio.fingerprint import fingerprint_song
from storage.audio.probe import CONTAINER_SUFFIXES, probe_audio

_LIKE = "aresample=44100,aformat=channel_layouts=stereo"


def _mix(level_db: int) -> str:
    return (
        f"[0]{_LIKE}[a];[1]{_LIKE},volume={level_db}dB[b];[a][b]amix=duration=first:normalize=0,"
        "volume=-6dB"
    )


def _medley(*cuts: tuple[int, int, int]) -> str:
    """Play pieces one after the other, each a song, its start and its end in seconds."""
    pieces = [
        f"[{song}]atrim={start}:{end},asetpts=PTS-STARTPTS,{_LIKE}[p{n}]"
        for n, (song, start, end) in enumerate(cuts)
    ]
    names = "".join(f"[p{n}]" for n in range(len(cuts)))
    return f"{';'.join(pieces)};{names}concat=n={len(cuts)}:v=0:a=1"


MIXES: Mapping[str, str] = {
    "second as loud": _mix(0),
    "second 6 dB softer": _mix(-6),
    "second 12 dB softer": _mix(-12),
    "second 20 dB softer": _mix(-20),
    "60 s, then 60 s of the second": _medley((0, 0, 60), (1, 0, 60)),
    "end of the first, start of the second": _medley((0, 60, 120), (1, 0, 60)),
    "turns of 10 s, in place": _medley(*((n % 2, 10 * n, 10 * n + 10) for n in range(12))),
    "every fourth 10 s of the second": _medley(
        *((int(n % 4 == 3), 10 * n, 10 * n + 10) for n in range(12))
    ),
    "90 s, then 30 s of the second": _medley((0, 0, 90), (1, 0, 30)),
}
SUFFIXES = {*CONTAINER_SUFFIXES.values(), ".opus"}


def main(folder: Path, n_pairs: int = 12) -> None:
    """Say how often a mix counts as a copy of the first song, of the second, of both."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    step = max(1, (len(paths) - 1) // n_pairs)
    pairs = list(zip(paths[:-1:step], paths[1::step], strict=False))[:n_pairs]
    fingerprints = {path: _fingerprint(path) for pair in pairs for path in pair}
    for name, recipe in MIXES.items():
        similarities = []
        for pair in pairs:
            with TemporaryDirectory() as scratch:
                mixed = _fingerprint(_render(pair, recipe, Path(scratch) / "mix.mp3"))
            similarities.append([similarity(mixed, fingerprints[path]).similarity for path in pair])
        _report(name, similarities)


def _fingerprint(song: Path) -> Items:
    return fingerprint_song(song, probe_audio(song))


def _render(pair: tuple[Path, Path], recipe: str, target: Path) -> Path:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-threads", "1"]
    for song in pair:
        command += ["-t", "130", "-i", str(song)]
    subprocess.run([*command, "-filter_complex", recipe, "-b:a", "128k", str(target)], check=True)
    return target


def _report(name: str, similarities: list[list[float]]) -> None:
    first, second = ([pair[n] for pair in similarities] for n in (0, 1))
    taken = [[value >= SAME_RECORDING for value in pair] for pair in similarities]
    sys.stdout.write(
        f"{name:<40} copy of the first {sum(pair[0] for pair in taken):>3}, of the second "
        f"{sum(pair[1] for pair in taken):>3}, of both {sum(all(pair) for pair in taken):>3} of "
        f"{len(taken)}; similarities {min(first):.3f}-{max(first):.3f} and "
        f"{min(second):.3f}-{max(second):.3f}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))

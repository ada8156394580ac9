"""Make the built-in library: compose, render and list its songs."""

import csv
import json
import multiprocessing
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from demo.catalogue import LICENCE, Song, list_songs, list_unseen, song_generator
from demo.compose import compose
from demo.encode import write_mp3
from demo.mixing import mix
from demo.soundfont import find_soundfont, write_tuned_soundfont

MANIFEST = "manifest.csv"
SETTINGS = "library.json"
_EDITION = 4  # rises when the same settings would give other songs
_COLUMNS = ("path", "genre", "artist", "album", "title", "licence")


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryReport:
    """What a call made."""

    manifest: Path
    n_songs: int
    n_rendered: int
    unseen: tuple[Path, ...]


def make_library(
    target: Path,
    *,
    unseen: Path,
    seed: int = 0,
    songs_per_genre: int = 9,
    song_s: tuple[float, float] = (121.0, 126.0),
    on_song: Callable[[int, int], None] | None = None,
) -> LibraryReport:
    """Compose and render a library of six genres; what is there already stays.

    Raises
    ------
    ValueError
        If the folder holds a library of other settings, or the settings make no sense.
    """
    _check(seed, songs_per_genre, song_s)
    if unseen.resolve().is_relative_to(target.resolve()):
        raise ValueError(f"{unseen} lies within the library {target}. Put it beside the library.")
    songs = [(target / song.path, song) for song in list_songs(seed, songs_per_genre, song_s)]
    extra = [
        (unseen / song.path.replace("/", "-"), song)
        for song in list_unseen(seed, songs_per_genre, song_s)
    ]
    _claim(target, {"seed": seed, "songs_per_genre": songs_per_genre, "song_s": list(song_s)})
    missing = [(path, song) for path, song in songs + extra if not path.exists()]
    n_total = len(songs) + len(extra)
    for n_made, _ in enumerate(_render_all(missing), start=n_total - len(missing) + 1):
        if on_song is not None:
            on_song(n_made, n_total)
    manifest = target / MANIFEST
    if missing or not manifest.exists():
        _write_manifest(manifest, [song for _, song in songs])
    return LibraryReport(
        manifest=manifest,
        n_songs=len(songs),
        n_rendered=len(missing),
        unseen=tuple(path for path, _ in extra),
    )


def render_song(song: Song, path: Path, soundfont: Path) -> Path:
    """Compose a song, play it and write it as mp3."""
    score = compose(song.artist, song.duration_s, song_generator(song))
    path.parent.mkdir(parents=True, exist_ok=True)
    tags = {
        "artist": song.artist.name,
        "album": song.album,
        "title": song.title,
        "genre": song.genre,
    }
    write_mp3(mix(score, soundfont), path, tags, song.bit_rate)
    return path


def _render_all(missing: list[tuple[Path, Song]]) -> Iterator[Path]:
    """Render songs in as many processes as there are cores."""
    if not missing:
        return
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        soundfont = Path(folder) / "tuned.sf2"
        write_tuned_soundfont(find_soundfont(), soundfont)
        with ProcessPoolExecutor(os.cpu_count(), context, _watch_parent) as pool:
            jobs = [pool.submit(render_song, song, path, soundfont) for path, song in missing]
            try:
                for job in as_completed(jobs):
                    yield job.result()
            finally:
                pool.shutdown(cancel_futures=True)


def _watch_parent() -> None:
    """End this process with the one that composes, which a signal may end at any time."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)


def _check(seed: int, songs_per_genre: int, song_s: tuple[float, float]) -> None:
    if seed < 0:
        raise ValueError(f"the seed is {seed}; it must be 0 or more.")
    if songs_per_genre < 1:
        raise ValueError(f"a genre needs at least one song, not {songs_per_genre}.")
    if not 5.0 <= song_s[0] <= song_s[1]:
        raise ValueError(f"songs of {song_s} s cannot be; give (shortest, longest), from 5 s up.")


def _claim(target: Path, settings: dict[str, object]) -> None:
    """Note the settings in the folder, or make sure that it is of the same ones."""
    wanted = {"edition": _EDITION, **settings}
    note = target / SETTINGS
    if note.exists():
        if _read_settings(note) != wanted:
            raise ValueError(f"{target} holds a library of other settings. Choose an empty folder.")
        return
    if target.exists() and any(not path.name.endswith(".part") for path in target.iterdir()):
        raise ValueError(f"{target} holds other things than a library. Choose an empty folder.")
    target.mkdir(parents=True, exist_ok=True)
    part = note.with_name(note.name + ".part")
    part.write_text(json.dumps(wanted))
    part.replace(note)


def _read_settings(note: Path) -> object:
    try:
        return json.loads(note.read_text("utf-8"))
    except ValueError:  # damaged
        return None


def _write_manifest(manifest: Path, songs: list[Song]) -> None:
    """List the songs; that the list is there says that all of them are."""
    part = manifest.with_name(manifest.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as table:
        rows = csv.writer(table)
        rows.writerow(_COLUMNS)
        for song in songs:
            rows.writerow(
                (song.path, song.genre, song.artist.name, song.album, song.title, LICENCE)
            )
    part.replace(manifest)

"""Songs that are added one by one: a library of their own in the home, with a manifest."""

import csv
import shutil
import unicodedata
from io import StringIO
from pathlib import Path

from storage.files import explaining_disk_errors, write_bytes, write_whole
from storage.home import DataLayout

MANIFEST = "manifest.csv"
COLUMNS = ("path", "genre")
MAX_STEM_BYTES = 150


def add_song(layout: DataLayout, file: Path, name: str, track_id: str, genre: str) -> Path:
    """Copy a song into the library of added songs and list it under a genre; return its copy.

    The same song is listed once, under the genre named last. The home is held by the caller.
    """
    folder = layout.added
    target = folder / f"{_tidy_stem(name)}-{track_id[:12]}{file.suffix}"
    with explaining_disk_errors(layout):
        held = next(folder.glob(f"*-{track_id[:12]}{file.suffix}"), None)
        target = held or target
        if held is None:
            with write_whole(target) as part:
                shutil.copyfile(file, part)
        rows = {**read_added(layout), target.name: genre}
        text = StringIO()
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows.items()])
        write_bytes(folder / MANIFEST, text.getvalue().encode())
    return target


def _tidy_stem(name: str) -> str:
    """Return what a copy is named by: plain, and short enough for any file system."""
    composed = unicodedata.normalize("NFC", Path(name).stem)
    plain = "".join(sign if sign.isalnum() or sign in " -_.()" else "_" for sign in composed)
    stem = plain.strip(" .").encode()[:MAX_STEM_BYTES].decode(errors="ignore")
    return stem.rstrip(" .") or "song"


def read_added(layout: DataLayout) -> dict[str, str]:
    """Return the genre of each added song by the name of its file."""
    manifest = layout.added / MANIFEST
    if not manifest.exists():
        return {}
    with manifest.open(encoding="utf-8", newline="") as file:
        return {row["path"]: row["genre"] for row in csv.DictReader(file)}

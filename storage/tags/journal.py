"""The journal of tags: what was written into the user's files, and how to take it back.

A line is on the disk before its file changes. So after a kill a file is either as before, which its
digest shows, or as the line says. Lines are only added.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from genre_core.locations import path_of
from storage.files import explaining_disk_errors
from storage.home import DataLayout
from storage.tags.files import sync_folder
from storage.tags.patch import Patch


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was written into a file.

    Attributes
    ----------
    location, part : str
        The file, and the name beside it of its successor while that was written.
    former, genres : tuple of str
        The genres of its tags before and after.
    former_sha256, sha256 : str
        Digests of the file before and after.
    former_mtime_ns : int
        When it was changed last before.
    patch : Patch
        Makes the former file of the written one.
    """

    location: str
    part: str
    former: tuple[str, ...]
    genres: tuple[str, ...]
    former_sha256: str
    sha256: str
    former_mtime_ns: int
    patch: Patch

    @property
    def path(self) -> Path:
        """The path of the file."""
        return Path(path_of(self.location))

    @property
    def n_bytes(self) -> int:
        """The length of the file after."""
        return self.patch.n_bytes + self.patch.shift


class Journal:
    """The entries of a home that are not taken back, by location, the oldest first."""

    def __init__(self, layout: DataLayout) -> None:
        self._layout = layout
        self.entries: dict[str, list[Entry]] = {}
        for document in _read(layout.tag_journal):
            self._follow(document)

    def find(self, location: str) -> list[Entry]:
        """Return the entries of a file."""
        return self.entries.get(location, [])

    def find_content(self, sha256: str) -> list[Entry]:
        """Return the entries of the file that was written with this digest, wherever it is now."""
        found = (held for held in self.entries.values() if held[-1].sha256 == sha256)
        return next(found, [])

    def add(self, entry: Entry) -> None:
        """Add an entry; it is on the disk when this returns."""
        self._append(
            {"did": "tag", **asdict(replace(entry, patch=None)), "patch": entry.patch.as_document()}  # type: ignore[arg-type]
        )

    def take_back(self, entry: Entry) -> None:
        """Note that an entry, the last of its file, is taken back."""
        self._append({"did": "untag", "location": entry.location, "sha256": entry.sha256})

    def sweep(self) -> None:
        """Remove what a killed command has left beside the files, which its last entry names."""
        for *_, entry in self.entries.values():
            with suppress(OSError):
                entry.path.with_name(entry.part).unlink(missing_ok=True)

    def _append(self, document: dict[str, Any]) -> None:
        line = json.dumps(document).encode() + b"\n"
        place = self._layout.tag_journal
        is_new = not place.exists()
        with explaining_disk_errors(self._layout), place.open("ab+") as file:
            if file.tell() and _last_byte(file) != b"\n":  # a line that a kill has cut
                file.write(b"\n")
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            place.chmod(0o600)
            sync_folder(place.parent)
        self._follow(document)

    def _follow(self, document: dict[str, Any]) -> None:
        document = dict(document)
        did, location = document.pop("did"), document["location"]
        held = self.entries.setdefault(location, [])
        if did == "untag":
            kept = [entry for entry in held if entry.sha256 != document["sha256"]]
            self.entries[location] = kept
        else:
            document["patch"] = Patch.from_document(document["patch"])
            document |= {name: tuple(document[name]) for name in ("former", "genres")}
            held.append(Entry(**document))
        if not self.entries[location]:
            del self.entries[location]


def _read(place: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a journal; one that a kill has cut changed no file."""
    if not place.exists():
        return
    with place.open("rb") as file:
        for line in file:
            with suppress(ValueError):
                yield json.loads(line)


def _last_byte(file: Any) -> bytes:  # noqa: ANN401 - a binary file
    file.seek(-1, os.SEEK_END)
    last: bytes = file.read(1)
    return last

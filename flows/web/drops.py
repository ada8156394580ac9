"""Dropped songs: kept in a temporary folder of the server for an hour, or until it ends."""

import asyncio
import fcntl
import os
import re
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import IO

from genre_core.errors import UsageError
from genre_core.locations import printable
from genre_core.records import AudioFacts, name_song
from storage.audio.previews import PlayedSong, remove_previews
from tasks.predict import SongPrediction, StudiedSong

MAX_SONGS = 200
"""Dropped songs that a server keeps at the same time."""
MAX_BYTES = 4 << 30
"""Of all of them together, without their excerpts, which have a bound of their own."""
KEPT_S = 3600.0
LONGEST_NAME = 200
PREFIX = "genreflow-dropped-"
LOCK, PREVIEWS = ".lock", "previews"
REMOVED = "This song is no longer here: it was removed. Drop it again."
DROP = re.compile(r"[\w-]{8,40}")
FULL = (
    f"The server holds {MAX_SONGS} dropped songs, or {MAX_BYTES >> 30} GiB of them, as many as it "
    "may. They are removed after an hour; or forget yours, then drop again."
)


@dataclass(slots=True, kw_only=True, eq=False)
class DroppedSong:
    """A song that somebody dropped; ``place`` is the address or path it comes from, if any.

    ``path`` is its file, in ``folder`` unless it is one of the user. What is known of it comes in
    steps: its facts (``probed``), then what was predicted, or an ``error`` (``done``). ``n_bytes``
    are what its file takes, or may take as long as it comes.
    """

    token: str
    drop: str
    name: str
    folder: Path
    path: Path
    place: str = ""
    n_bytes: int = 0
    at_s: float = field(default_factory=time.monotonic)
    track_id: str = ""
    facts: AudioFacts | None = None
    studied: StudiedSong | None = None
    error: str = ""
    probed: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_done(self) -> bool:
        """Whether it is predicted, or has an error."""
        return self.done.is_set()

    @property
    def address(self) -> str:
        """Path of its page."""
        return f"/dropped/{self.token}"

    @property
    def title(self) -> str:
        """Artist and title if its tags have both, else the name of its file."""
        facts = self.facts
        is_tagged = facts is not None and facts.artist and facts.title
        return name_song(facts.artist, facts.title, self.name) if is_tagged and facts else self.name

    @property
    def prediction(self) -> SongPrediction | None:
        """The prediction, once it is there."""
        return self.studied.prediction if self.studied else None

    @property
    def is_ours(self) -> bool:
        """Whether its file is in the folder of the server."""
        return self.path.is_relative_to(self.folder)

    @property
    def played(self) -> PlayedSong | None:
        """What the players need; None as long as it cannot be played."""
        if self.facts is None:
            return None
        return PlayedSong(name=self.token, path=self.path, facts=self.facts)

    @property
    def previews(self) -> Path:
        """Where excerpts of all dropped songs are kept, as long as the songs are."""
        return self.folder.parent / PREVIEWS

    def fail(self, sentence: str) -> None:
        """Note why there is no prediction; paths of the server are left out."""
        for path in (self.path, self.folder):
            sentence = sentence.replace(str(path), self.name)
        self.error = sentence


class Drops:
    """All dropped songs of a server, by token; the folder is made for the first one."""

    def __init__(self) -> None:
        self._songs: dict[str, DroppedSong] = {}
        self.folder: Path | None = None
        self._held: IO[str] | None = None
        self._lock = Lock()

    def add(
        self, drop: str, name: str, file: Path | None = None, place: str = "", n_bytes: int = 0
    ) -> DroppedSong:
        """Make room for a song of a drop, of ``n_bytes`` at most.

        ``file`` is one of the user, which stays where it is and takes no room. Raises `UsageError`
        if the server holds too many.
        """
        with self._lock:
            if len(self._songs) >= MAX_SONGS:
                raise UsageError(FULL)
            self._require_room(n_bytes)
            token = secrets.token_hex(16)
            folder = self._make_folder() / token
            folder.mkdir()
            song = DroppedSong(
                token=token,
                drop=drop,
                name=tidy_name(name),
                folder=folder,
                path=file or folder / "song",
                place=place,
                n_bytes=n_bytes,
            )
            self._songs[token] = song
        return song

    def reserve(self, song: DroppedSong, n_bytes: int) -> None:
        """Make room for the file of a song; `UsageError` if there is none, or it was removed."""
        with self._lock:
            if song.token not in self._songs:
                raise UsageError(REMOVED)
            self._require_room(n_bytes - song.n_bytes)
            song.n_bytes = n_bytes

    def settle(self, song: DroppedSong) -> None:
        """Give back the room that the file of a song does not take; remove what was forgotten."""
        if song.token not in self._songs:
            self.remove(song)
            return
        is_kept = song.is_ours and song.path.exists()
        song.n_bytes = song.path.stat().st_size if is_kept else 0
        if not is_kept:  # it may be what came of a song that cannot be fetched
            shutil.rmtree(song.folder, ignore_errors=True)

    def find(self, token: str) -> DroppedSong | None:
        """Return a song that is still there."""
        return self._songs.get(token)

    def of(self, drop: str) -> list[DroppedSong]:
        """Return the songs of a drop, in the order in which they came."""
        return [song for song in list(self._songs.values()) if song.drop == drop]

    def forget(self, drop: str) -> None:
        """Remove the songs of a drop."""
        for song in self.of(drop):
            self.remove(song)

    def remove(self, song: DroppedSong) -> None:
        """Remove a song and its file, unless that is one of the user."""
        self._songs.pop(song.token, None)
        left = song.folder if self.folder else song.folder.parent  # after the end, all of it
        shutil.rmtree(left, ignore_errors=True)
        remove_previews(song.previews, song.token)

    def sweep(self) -> None:
        """Remove what was dropped more than an hour ago, and what was made of it since."""
        since_s = time.monotonic() - KEPT_S
        for song in [one for one in list(self._songs.values()) if one.at_s < since_s]:
            self.remove(song)
        with self._lock:
            if self.folder is None:
                return
            for folder in self.folder.glob("*/"):
                if folder.name not in (PREVIEWS, *self._songs):
                    shutil.rmtree(folder, ignore_errors=True)
            for path in self.folder.glob(f"{PREVIEWS}/??/*"):
                if path.name.partition(".")[0] not in self._songs:
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove everything."""
        self._songs.clear()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._held is not None:
            self._held.close()
        self.folder = self._held = None

    def _make_folder(self) -> Path:
        """Return the folder; a server holds its lock, so that one that was killed leaves it."""
        if self.folder is None:
            remove_left()
            self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
            self._held = (self.folder / LOCK).open("w")
            fcntl.flock(self._held, fcntl.LOCK_EX)
        return self.folder

    def _require_room(self, n_bytes: int) -> None:
        if sum(song.n_bytes for song in self._songs.values()) + n_bytes > MAX_BYTES:
            raise UsageError(FULL)


def tidy_name(name: str) -> str:
    """Return the name of a file as the page shows it: without folders, plain, not too long."""
    last = re.split(r"[/\\]", name.strip())[-1]
    return printable(last.encode("utf-8", "replace").decode())[:LONGEST_NAME] or "a song"


def remove_left() -> None:
    """Remove the folders that servers of this user have left which were killed."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError):
            if lock.stat().st_uid != os.getuid():
                continue
            with lock.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)

"""Take one file after the other as ingest and extract do; run as a program of its own.

Each line of the input is a JSON object: the kind (one of `TAKERS`), the path, the home. Each is
answered with one line: the outcome.
"""

import json
import os
import resource
import sys
import traceback
import warnings
from pathlib import Path

from genre_core.errors import GenreflowError, TransientError
from genre_core.records import Source
from genre_core.signal.fragments import FragmentConfig
from storage.audio.decode import cut_song
from storage.fetch.download import fetch_song
from storage.fetch.limits import DownloadLimits
from storage.fetch.sites.access import SiteConfig, open_access
from storage.home import DataLayout
from storage.sources.manifest import list_manifest

_CONFIG = FragmentConfig(
    protocol="thesis", n_fragments=4, longest_s=0.5, margin_s=0.1, min_track_s=1.0
)
_MEMORY_BYTES = 3 << 30


def take_song(path: Path, home: Path) -> str:
    """Fetch a song and cut its fragments."""
    layout = DataLayout(home)
    track = fetch_song(Source(location=str(path), genre="noise"), layout, DownloadLimits())
    song = layout.song(track.track_id, track.suffix)
    try:
        cut_song(song, track.track_id, track.facts, _CONFIG)
    finally:
        song.unlink()
    return "ok"


def keep_song(path: Path, home: Path) -> str:
    """Fetch a song, which stays in the home."""
    fetch_song(Source(location=str(path), genre="noise"), DataLayout(home), DownloadLimits())
    return "ok"


def take_manifest(path: Path, _home: Path) -> str:
    """List a manifest."""
    json.dumps([source.location for source in list_manifest(path)]).encode("utf-8")
    return "ok"


def take_archive(path: Path, _home: Path) -> str:
    """Read the download archive of yt-dlp."""
    open_access(SiteConfig(archive_file=str(path)))
    return "ok"


def take_settings(path: Path, _home: Path) -> str:
    """Read a settings file, from the folder it lies in."""
    from flows.settings import read_settings

    os.chdir(path.parent)
    read_settings()
    return "ok"


TAKERS = {
    "song": take_song,
    "kept song": keep_song,
    "manifest": take_manifest,
    "archive": take_archive,
    "settings_file": take_settings,
}


def answer(order: dict[str, str]) -> str:
    """Return ``ok``, a reason code, the name of an error, or a failure."""
    try:
        return TAKERS[order["kind"]](Path(order["path"]), Path(order["home"]))
    except GenreflowError as error:
        if isinstance(error, TransientError):
            return f"failed: {error}"
        return str(getattr(error, "reason", "")) or type(error).__name__
    except Exception:
        return "failed: " + traceback.format_exc()


def main() -> None:
    """Answer until there is no more to do."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    warnings.simplefilter("error")
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

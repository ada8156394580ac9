"""Is everything well? The machine, the store, and what the catalog promises."""

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import imageio_ffmpeg
import soundfile

from genre_core.errors import GenreflowError
from storage.catalog.publish import query_rows
from storage.home import DataLayout
from storage.maintenance.integrity import (
    damaged_shards,
    damaged_songs,
    unnamed_shards,
    unnamed_songs,
)
from storage.models.champion import CHAMPION
from storage.shard_store import list_shards, open_store

LEAST_FREE_BYTES = 2 * 2**30
SEEKABLE = ("MP3", "OGG", "FLAC", "WAV")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found."""

    name: str
    ok: bool
    message: str

    def as_row(self) -> dict[str, Any]:
        """Give the columns by name."""
        return asdict(self)


def examine(layout: DataLayout) -> list[Finding]:
    """Check the machine and the store; each check says what it found and what to do."""
    return [_find(name, check, layout) for name, check in CHECKS.items()]


def examine_deeply(layout: DataLayout) -> list[Finding]:
    """Read every shard and every original, and compare them with what the catalog says.

    No other process may be at work in the home.
    """
    return [_find(name, check, layout) for name, check in DEEP_CHECKS.items()]


def _find(name: str, check: Callable[[DataLayout], str], layout: DataLayout) -> Finding:
    try:
        return Finding(name=name, ok=True, message=check(layout))
    except (GenreflowError, OSError, duckdb.Error, sqlite3.Error, RuntimeError) as error:
        return Finding(name=name, ok=False, message=str(error))


def _python(_layout: DataLayout) -> str:
    found = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        raise GenreflowError(f"Python {found} is not supported; use 3.11, 3.12 or 3.13.")
    return f"Python {found}"


def _decoders(_layout: DataLayout) -> str:
    missing = [name for name in SEEKABLE if name not in soundfile.available_formats()]
    if missing:
        raise GenreflowError(f"libsndfile cannot read {', '.join(missing)}; run `make setup`.")
    return f"libsndfile {soundfile.__libsndfile_version__}, ffmpeg {_ffmpeg_version()}"


def _ffmpeg_version() -> str:
    return imageio_ffmpeg.get_ffmpeg_version()


def _place(layout: DataLayout) -> str:
    layout.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=layout.home):
        pass
    free_bytes = shutil.disk_usage(layout.home).free
    if free_bytes < LEAST_FREE_BYTES:
        raise GenreflowError(
            f"{layout.home} has {free_bytes / 2**30:.1f} GiB left; free 2 GiB at least."
        )
    return f"{layout.home} can be written; {free_bytes / 2**30:.0f} GiB are free"


def _store(layout: DataLayout) -> str:
    if not layout.published.exists():
        return "no store yet; `genreflow run` makes one"
    rows = query_rows(layout, "select count(*) as n from outcomes")
    views = query_rows(layout, "select sql from duckdb_views() where view_name = 'spectrograms'")
    if "read_parquet" in views[0]["sql"] and open_store(layout).address("") not in views[0]["sql"]:
        raise GenreflowError(
            f"{layout.published.name} reads the shards of another place: this home has moved. "
            "Run `genreflow extract` once."
        )
    return f"{layout.published.name} answers; it knows {rows[0]['n']} songs"


def _shards(layout: DataLayout) -> str:
    if not layout.published.exists():
        return "no shards yet"
    named = query_rows(layout, "select shard, n_bytes from shards order by shard")
    there = list_shards(layout)
    gone = [row["shard"] for row in named if row["shard"] not in there]
    if gone:
        raise GenreflowError(
            f"{len(gone)} of {len(named)} shards are gone, among them {gone[0]}. "
            "`genreflow extract` makes them again."
        )
    return f"{len(named)} shards stand where the catalog says"


_PROMISED = """
    select track_id from tracks where track_id in (select track_id from outcomes)
        and track_id not in (
            select track_id from outcomes where outcome = 'retryable' and reason = 'not_found')
"""


def _originals(layout: DataLayout) -> str:
    if not layout.published.exists():
        return "no songs yet"
    known = {row["track_id"] for row in query_rows(layout, _PROMISED)}
    stored = {path.stem for path in layout.songs.glob("??/*")}
    if missing := known - stored:
        raise GenreflowError(
            f"{len(missing)} of {len(known)} songs are gone from {layout.songs}, among them "
            f"{min(missing)[:12]}. Run `genreflow doctor --repair`, then `genreflow ingest`."
        )
    return f"{len(known)} songs stand where the catalog says"


def _runs(layout: DataLayout) -> str:
    from storage.models.registry import find_alias  # MLflow takes seconds to load
    from storage.models.store import has_runs, open_tracking

    if not has_runs(layout):
        return "no runs yet"
    found = find_alias(open_tracking(layout), CHAMPION)
    promoted = _promoted_version(layout)
    if promoted and (found is None or found.version != promoted):
        raise GenreflowError(
            f"The alias `{CHAMPION}` in MLflow was moved to "
            f"{f'version {found.version}' if found else 'no version'}; version {promoted} was "
            f"promoted last. `genreflow promote` moves it back."
        )
    where = layout.tracking_server or layout.mlflow_db.name
    champion = f"version {found.version} is the champion" if found else "there is no champion yet"
    return f"{where} answers; {champion}"


def _promoted_version(layout: DataLayout) -> int | None:
    if not layout.published.exists():
        return None
    statement = "select version from promotions order by promoted_at desc limit 1"
    rows = query_rows(layout, statement)
    return rows[0]["version"] if rows else None


CHECKS: dict[str, Callable[[DataLayout], str]] = {
    "python": _python,
    "decoders": _decoders,
    "place": _place,
    "store": _store,
    "shards": _shards,
    "songs": _originals,
    "runs": _runs,
}


def _shard_contents(layout: DataLayout) -> str:
    if damaged := damaged_shards(layout):
        raise GenreflowError(
            f"{len(damaged)} shards are not what was written, among them {damaged[0]}. Run "
            "`genreflow doctor --repair`, then `genreflow extract`."
        )
    return "every shard holds what was written, and the rows that the catalog names"


def _song_contents(layout: DataLayout) -> str:
    if damaged := damaged_songs(layout):
        raise GenreflowError(
            f"{len(damaged)} songs are not what was fetched, among them {damaged[0][:12]}. Run "
            "`genreflow doctor --repair`, then `genreflow ingest`."
        )
    return "every song holds what was fetched"


def _orphans(layout: DataLayout) -> str:
    shards, songs = unnamed_shards(layout), unnamed_songs(layout)
    return (
        f"{len(shards)} files in shards/ and {len(songs)} in songs/ that nobody names; "
        "the next extract sweeps the former, `genreflow doctor --repair` moves the latter to "
        "songs/.unnamed"
        if shards or songs
        else "no file that nobody names"
    )


DEEP_CHECKS: dict[str, Callable[[DataLayout], str]] = {
    "shard contents": _shard_contents,
    "song contents": _song_contents,
    "orphans": _orphans,
}

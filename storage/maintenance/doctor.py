"""The checks of `genreflow doctor`: the machine, the store, the runs and the embedding models."""

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import av
import duckdb
import soundfile

from genre_core.errors import GenreflowError
from genre_core.records import counted
from storage.catalog.query import query_rows
from storage.embeddings.config import NO_EMBEDDINGS, EmbeddingConfig
from storage.extras import explain_missing
from storage.home import DataLayout
from storage.maintenance.integrity import Inventory, take_inventory
from storage.models.champion import CHAMPION
from storage.shard_store import list_shards, open_store

MIN_FREE_BYTES = 2 * 2**30
FORMATS = ("MP3", "OGG", "FLAC", "WAV")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check, with what to do if it is not ``ok``."""

    name: str
    ok: bool
    message: str

    def as_row(self) -> dict[str, Any]:
        """Return the columns by name."""
        return asdict(self)


def examine(
    layout: DataLayout,
    embeddings: Sequence[str] = (),
    own: Mapping[str, EmbeddingConfig] = NO_EMBEDDINGS,
) -> list[Finding]:
    """Check the machine, the store and the models of some embeddings, without any lock."""
    findings = [_check(name, check, layout) for name, check in CHECKS.items()]
    return findings + [_check(f"embedding {name}", _embedding, name, own) for name in embeddings]


def examine_deeply(layout: DataLayout) -> list[Finding]:
    """Compare every shard and every original with the catalog; reads all. Hold the home."""
    inventory = take_inventory(layout)
    return [_check(name, check, inventory) for name, check in DEEP_CHECKS.items()]


def _check(name: str, check: Callable[..., str], *arguments: object) -> Finding:
    try:
        return Finding(name=name, ok=True, message=check(*arguments))
    except ModuleNotFoundError as error:
        if (missing := explain_missing(error)) is None:
            raise
        return Finding(name=name, ok=True, message=f"not checked: {missing}")
    except (GenreflowError, OSError, duckdb.Error, sqlite3.Error, RuntimeError) as error:
        return Finding(name=name, ok=False, message=str(error))


def _require(ok: bool, otherwise: str) -> None:
    if not ok:
        raise GenreflowError(otherwise)


def _python(_layout: DataLayout) -> str:
    found = ".".join(map(str, sys.version_info[:3]))
    is_supported = (3, 11) <= sys.version_info[:2] < (3, 14)
    _require(is_supported, f"Python {found} is not supported; use 3.11, 3.12 or 3.13.")
    return f"Python {found}"


def _decoders(_layout: DataLayout) -> str:
    missing = [name for name in FORMATS if name not in soundfile.available_formats()]
    _require(not missing, f"libsndfile cannot read {', '.join(missing)}; run `make setup`.")
    return f"libsndfile {soundfile.__libsndfile_version__}, FFmpeg {av.ffmpeg_version_info}"


def _place(layout: DataLayout) -> str:
    place = next(p for p in (layout.home, *layout.home.absolute().parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise GenreflowError(f"{place} cannot be written to: {error.strerror}.") from error
    free_gib = shutil.disk_usage(place).free / 2**30
    has_space = free_gib >= MIN_FREE_BYTES / 2**30
    _require(has_space, f"{layout.home} has {free_gib:.1f} GiB left; free at least 2 GiB.")
    return f"{layout.home} can be written; {free_gib:.0f} GiB are free"


def _store(layout: DataLayout) -> str:
    if not layout.published.exists():
        return "no store yet; `genreflow run` makes one"
    rows = query_rows(layout, "select count(*) as n from outcomes")
    (view,) = query_rows(layout, "select sql from duckdb_views() where view_name = 'spectrograms'")
    _require(
        "read_parquet" not in view["sql"] or open_store(layout).address("") in view["sql"],
        f"{layout.published.name} reads the shards of another place: this home was moved. "
        "Run `genreflow extract` once.",
    )
    return f"{layout.published.name} can be read; it has {counted(rows[0]['n'], 'song')}"


def _shards(layout: DataLayout) -> str:
    if not layout.published.exists():
        return "no shards yet"
    named = [row["shard"] for row in query_rows(layout, "select shard from shards order by shard")]
    if missing := sorted(set(named) - list_shards(layout).keys()):
        raise GenreflowError(
            f"{len(missing)} of {counted(len(named), 'shard is', 'shards are')} missing, among "
            f"them {missing[0]}. Run `genreflow extract` to repair that."
        )
    return f"{counted(len(named), 'shard is', 'shards are')} there, none is missing"


_EXPECTED = """
    select track_id from tracks where track_id in (select track_id from outcomes)
        and track_id not in (
            select track_id from outcomes where outcome = 'retryable' and reason = 'not_found')
"""


def _songs(layout: DataLayout) -> str:
    if not layout.published.exists():
        return "no songs yet"
    expected = {row["track_id"] for row in query_rows(layout, _EXPECTED)}
    if missing := expected - {path.stem for path in layout.songs.glob("??/*")}:
        raise GenreflowError(
            f"{len(missing)} of {counted(len(expected), 'song is', 'songs are')} missing in "
            f"{layout.songs}, among them "
            f"{min(missing)[:12]}. Run `genreflow doctor --repair`, then `genreflow ingest`."
        )
    return f"{counted(len(expected), 'song is', 'songs are')} there, none is missing"


def _runs(layout: DataLayout) -> str:
    from storage.models.registry import find_alias  # MLflow takes seconds to load
    from storage.models.store import has_runs, open_tracking

    if not has_runs(layout):
        return "no runs yet"
    champion = find_alias(open_tracking(layout), CHAMPION)
    aliased = f"version {champion.version}" if champion else "no version"
    if layout.published.exists():
        statement = "select version from promotions order by promotion_id desc limit 1"
        promotions = query_rows(layout, statement)
        promoted = f"version {promotions[0]['version']}" if promotions else "no version"
        _require(
            aliased == promoted,
            f"MLflow's alias `champion` names {aliased}, the catalog's promotions name {promoted}. "
            "Run `genreflow promote` to put the alias back, or `genreflow promote --version N` to "
            "promote another version.",
        )
    where = layout.tracking_server or layout.mlflow_db.name
    return f"{where} can be read; {f'the champion is {aliased}' if champion else 'no champion yet'}"


def _youtube(layout: DataLayout) -> str:
    """Check the runtime of yt-dlp; it must be there if the store has songs of YouTube."""
    from storage.fetch.sites.client import describe_runtime  # yt-dlp takes a moment to load

    is_there, message = describe_runtime()
    if is_there or not layout.published.exists():
        return message
    statement = "select count(*) as n from outcomes where regexp_matches(source, $1)"
    try:
        (songs,) = query_rows(layout, statement, [r"^https?://([\w-]+\.)?youtu(be\.com|\.be)/"])
    except GenreflowError:
        return message  # what is wrong with the store is reported by its own check
    _require(not songs["n"], f"{message}; the store has {counted(songs['n'], 'song')} of YouTube.")
    return message


def _embedding(name: str, own: Mapping[str, EmbeddingConfig]) -> str:
    """Check that the model of an embedding is there, complete, and computes finite values."""
    import numpy as np

    from storage.embeddings.embedder import window_samples
    from storage.embeddings.registry import find_model
    from storage.embeddings.runtime import open_runtime
    from storage.embeddings.weights import require_weights

    if name not in own and not require_weights(name):
        return "the first `genreflow extract` converts the weights, and fetches them where needed"
    model = find_model(name, own)
    n_samples = window_samples(model.embedding)
    runtime = open_runtime(model.file, n_samples, model.outputs)
    values = runtime.outputs(np.zeros((1, n_samples), np.float32))
    are_finite = all(np.isfinite(array).all() for array in values)
    _require(are_finite, f"{model.file} computes values that are not finite; replace it.")
    return f"{model.file} is complete and computes"


def _shard_contents(inventory: Inventory) -> str:
    _require_intact(inventory.damaged_shards(), "shard", "genreflow extract")
    return "every shard holds the bytes and rows that the catalog names"


def _song_contents(inventory: Inventory) -> str:
    _require_intact([name[:12] for name in inventory.damaged_songs()], "song", "genreflow ingest")
    return "every song holds the bytes that its name digests"


def _require_intact(damaged: Sequence[str], what: str, command: str) -> None:
    if damaged:
        raise GenreflowError(
            f"{counted(len(damaged), f'{what} is', f'{what}s are')} damaged, among "
            f"them {damaged[0]}. Run `genreflow doctor --repair`, then `{command}`."
        )


def _orphans(inventory: Inventory) -> str:
    shards, songs = inventory.unnamed_shards(), inventory.unnamed_songs()
    if not shards and not songs:
        return "every file is named by the catalog"
    return (
        f"the catalog does not name {counted(len(shards), 'file')} in shards/ and {len(songs)} in "
        "songs/; the next extract removes the former, `genreflow doctor --repair` moves the latter "
        "to songs/.unnamed"
    )


CHECKS: dict[str, Callable[[DataLayout], str]] = {
    "python": _python,
    "decoders": _decoders,
    "place": _place,
    "store": _store,
    "shards": _shards,
    "songs": _songs,
    "runs": _runs,
    "youtube": _youtube,
}
DEEP_CHECKS: dict[str, Callable[[Inventory], str]] = {
    "shard contents": _shard_contents,
    "song contents": _song_contents,
    "orphans": _orphans,
}

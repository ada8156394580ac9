"""The support bundle: what a person who helps needs to know, and nothing private."""

import json
import os
import platform
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import duckdb

from genre_core.errors import GenreflowError, UsageError
from storage.catalog.connection import open_catalog
from storage.catalog.query import query, query_rows
from storage.home import DataLayout
from storage.maintenance.doctor import Finding
from storage.maintenance.scrub import SECRET, Scrubber

LAST_LINES = 300
LAST_NIGHTS = 14
LOGS = (".nightly.log", ".promote.log")
NO_LOGS = "no logs: the names in them cannot be replaced, as no catalog can be read"
NAMED_BY_PEOPLE = ("genre_map", "tag_prior", "embeddings")
"""Settings whose keys are words of the user."""
PLACE = re.compile(r"[/:@\\\\]")
"""In a text: it names a file, a server or a person."""
VARIABLES = ("GENREFLOW_", "PREFECT_", "MLFLOW_", "OTEL_", "OPENLINEAGE_", "AWS_")
_NAMES = """
    select artist, album_artist, album, title, {place} from tracks
    union all select '', '', '', '', source from outcomes
"""
_COUNTS = {
    "outcomes": "select stage, outcome, reason, count(*) as n from outcomes group by all",
    "tracks": "select count(*) as n, count(distinct genre) as n_genres from tracks",
    "runs": "select network, count(*) as n from runs group by all order by all",
    "snapshots": "select count(*) as n from snapshots",
    "promotions": "select count(*) as n, max(version) as newest from promotions",
    "audits": "select verdict, count(*) as n from audits group by all order by all",
}
_NIGHTS = f"""
    select night_id, started_at, ended_at, outcome, message, n_new_songs from nights
    order by started_at desc limit {LAST_NIGHTS}
"""
_STEPS = f"""
    select night_id, step, outcome, seconds, message from night_steps
    where night_id in (select night_id from nights order by started_at desc limit {LAST_NIGHTS})
    order by night_id, position
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlePart:
    """A file of the bundle, and what is in it."""

    name: str
    content: str
    text: str


def make_bundle(
    layout: DataLayout,
    settings: Mapping[str, Any],
    defaults: Mapping[str, Any],
    findings: Sequence[Finding],
) -> list[BundlePart]:
    """Return the files of the bundle; ``settings`` and ``defaults`` are plain values by name."""
    names = _read_names(layout)
    scrubber = Scrubber(layout, names or (), _find_secrets(settings))
    documents = {
        "versions.json": ("versions of genreflow, Python, the system and packages", _versions()),
        "settings.json": (
            "settings that differ from the default: numbers and switches, of texts their length",
            _settings(settings, defaults),
        ),
        "variables.json": ("names of variables of the environment, no values", _variables()),
        "doctor.json": (
            "what `genreflow doctor` finds",
            [finding.as_row() for finding in findings],
        ),
        "home.json": ("sizes of the home's folders, space of its disk", _sizes(layout)),
        "counts.json": (
            "numbers of songs by outcome and reason, of runs and audits",
            _counts(layout),
        ),
        "nights.json": (f"the last {LAST_NIGHTS} nightly runs and their steps", _nights(layout)),
    }
    parts = [
        BundlePart(name=name, content=content, text=_json(scrubber.scrub_document(document)))
        for name, (content, document) in documents.items()
    ]
    if names is None:
        return [*parts, BundlePart(name="logs/left-out.txt", content=NO_LOGS, text=NO_LOGS + "\n")]
    return parts + list(_logs(layout, scrubber))


def write_bundle(parts: Sequence[BundlePart], path: Path) -> None:
    """Write the files as a zip; raises `UsageError` if there is a file already."""
    try:
        with path.open("xb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle:
            for part in parts:
                bundle.writestr(part.name, part.text)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already. Name another file.") from error
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"


def _versions() -> dict[str, Any]:
    return {
        "genreflow": version("genreflow"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "libc": " ".join(platform.libc_ver()),
        "cores": os.cpu_count(),
        "packages": dict(sorted((one.name, one.version) for one in distributions() if one.name)),
    }


def _settings(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _shown(name, value)
        for name, value in settings.items()
        if value != defaults.get(name) and name != "home"
    }


def _shown(name: str, value: object) -> object:
    """Return a value as far as it can hold nothing private."""
    if SECRET.search(name):
        return "<secret>"
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, str):
        return f"<text of {len(value)} characters>" if value else ""
    if isinstance(value, Mapping):
        if name in NAMED_BY_PEOPLE:
            return f"<{len(value)} entries>"
        return {str(key): _shown(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(name, one) for one in value]
    return f"<{type(value).__name__}>"


def _variables() -> list[str]:
    return sorted(name for name in os.environ if name.startswith(VARIABLES))


def _find_secrets(settings: Mapping[str, Any]) -> Iterator[str]:
    """Values of variables and settings that may not be shown, wherever they turn up."""
    for name, value in (*os.environ.items(), *settings.items()):
        for text in _texts(value):
            is_own = name in settings or name.startswith(VARIABLES)
            if SECRET.search(name) or (is_own and PLACE.search(text)):
                yield text
    yield from filter(None, (os.environ.get("USER"), os.environ.get("LOGNAME"), platform.node()))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _sizes(layout: DataLayout) -> dict[str, Any]:
    disk = shutil.disk_usage(layout.home)
    sizes = {}
    for place in layout.places:
        files = [place] if place.is_file() else [f for f in place.rglob("*") if f.is_file()]
        sizes[place.name] = {"files": len(files), "bytes": sum(f.stat().st_size for f in files)}
    return {"places": sizes, "disk_bytes": disk.total, "free_bytes": disk.free}


def _read_names(layout: DataLayout) -> list[str] | None:
    """Names of songs, artists and albums, and of files and folders that they came from.

    From the published store if the catalog cannot be read; None if neither can.
    """
    try:
        with open_catalog(layout) as catalog:
            rows = catalog.execute(_NAMES.format(place="location")).fetchall()
    except (GenreflowError, duckdb.Error):
        try:
            rows = query(layout, _NAMES.format(place="''"))[1]  # it has no location
        except GenreflowError:
            return None
    return [name for row in rows for name in _names_of(*row)]


def _names_of(*row: str) -> Iterator[str]:
    """The names of a row of `_NAMES`, whose last column is a place."""
    *names, location = row
    yield from filter(None, names)
    parts = location.replace("\\", "/").split("/")
    yield from (*parts[-3:], parts[-1].rpartition(".")[0])


def _query(layout: DataLayout, statement: str) -> object:
    try:
        return query_rows(layout, statement)
    except GenreflowError as error:
        return f"cannot be read: {error}"


def _counts(layout: DataLayout) -> dict[str, object]:
    return {name: _query(layout, statement) for name, statement in _COUNTS.items()}


def _nights(layout: DataLayout) -> dict[str, object]:
    return {"nights": _query(layout, _NIGHTS), "steps": _query(layout, _STEPS)}


def _logs(layout: DataLayout, scrubber: Scrubber) -> Iterator[BundlePart]:
    for name in (*LOGS, layout.schedule_log.name):
        path = layout.home / name
        if path.is_file():
            lines = path.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
            text = "\n".join(map(scrubber.scrub, lines)) + "\n"
            content = f"the last {len(lines)} lines of {name}, names and places replaced"
            yield BundlePart(name=f"logs/{name.lstrip('.')}", content=content, text=text)

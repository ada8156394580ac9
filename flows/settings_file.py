"""Write settings into genreflow.toml: comments, order and all other settings stay as they are."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from flows.setting_faults import PREFIX, read_written
from flows.settings import SETTINGS_FILE, Settings
from genre_core.errors import UsageError
from storage.files import write_bytes

N_CONTEXT = 2
"""Lines around a change that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The text of the file before and after settings are written."""

    before: str
    after: str

    @property
    def lines(self) -> list[str]:
        """The lines that change and those around them, marked as a unified diff marks them."""
        before, after = self.before.splitlines(), self.after.splitlines()
        diff = list(unified_diff(before, after, n=N_CONTEXT, lineterm=""))[2:]
        return [line for line in diff if not line.startswith("@@")]


def with_settings(config: Settings, values: Mapping[str, Any]) -> Settings:
    """Return settings with others in place of some, named with dots; raises `ValueError`."""
    for name, value in values.items():
        table, _, key = name.partition(".")
        changed: Any = value
        if key:
            own: Any = getattr(config, table)
            is_map = isinstance(own, Mapping)
            changed = {**own, key: value} if is_map else replace(own, **{key: value})
        config = replace(config, **{table: changed})
    return config


def plan_change(values: Mapping[str, Any]) -> Change:
    """Return what the file becomes with these values; raises `UsageError` if it cannot hold them.

    A variable of the environment overrides the file: a value beside it would have no effect.
    """
    written = read_written(SETTINGS_FILE, (), Settings)
    before = _read_text()
    _ = written.document  # explains a file that is no TOML
    try:
        document = tomlkit.parse(before)
        for name, value in values.items():
            place = written.locate(name)
            if place.startswith(PREFIX):
                raise UsageError(f"{place} sets {name}, whatever {SETTINGS_FILE} says. Change it.")
            _set(document, name, value)
        return Change(before=before, after=tomlkit.dumps(document))
    except TOMLKitError as error:
        raise UsageError(f"{SETTINGS_FILE} cannot be changed: {error}. Edit it.") from error


def write_change(change: Change) -> None:
    """Write the file; raises `UsageError` if it changed since, or cannot be written."""
    if _read_text() != change.before:
        raise UsageError(f"{SETTINGS_FILE} has changed meanwhile. Look at it, then try again.")
    path = Path(SETTINGS_FILE).resolve()  # a link stays a link
    mark = codecs.BOM_UTF8 if path.exists() and _has_mark(path) else b""
    try:
        write_bytes(path, mark + change.after.encode())
    except OSError as error:
        raise UsageError(f"{SETTINGS_FILE} cannot be written: {error.strerror}.") from error


def _set(document: tomlkit.TOMLDocument, name: str, value: Any) -> None:  # noqa: ANN401 - TOML
    """Set a value; its table is added at the end of the file if it is missing."""
    *tables, key = name.split(".", 1)
    holder: Any = document
    for table in tables:
        if table not in holder:
            holder[table] = tomlkit.table()
        holder = holder[table]
    holder[key] = list(value) if isinstance(value, tuple) else value


def _read_text() -> str:
    """Return the text of the file with the ends of its lines as they are; empty without one."""
    path = Path(SETTINGS_FILE)
    return path.read_bytes().decode("utf-8-sig") if path.exists() else ""


def _has_mark(path: Path) -> bool:
    return path.read_bytes().startswith(codecs.BOM_UTF8)

"""The pages on the published store and on the files of a home."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from docs.generator.meanings import require_same
from storage.catalog.connection import open_catalog
from storage.catalog.publish import publish
from storage.catalog.query import query
from storage.home import Below, DataLayout

SQL_HEAD = """# SQL views and columns

`spectrograms.duckdb` in the home is the store for people: one file, read-only, replaced atomically
after each stage, never locked by a flow. Query it with `genreflow sql "…"`, the DuckDB command
line, pandas, Polars or any BI tool; see [recipes](recipes.md). Views and columns are a public
interface: new ones may be added.
"""
FILES_HEAD = """# Files of a home

Everything that lasts is below `GENREFLOW_HOME` (or `--home`), by default `./data`.

| place | content |
| --- | --- |
"""
ZONED = "timestamp with time zone"
COLUMNS = """
    select table_name, column_name, lower(data_type) from information_schema.columns
    order by table_name, ordinal_position
"""


def sql_page(views: Mapping[str, str], columns: Mapping[str, str]) -> str:
    """Markdown of all views; a column ``view.name`` in ``columns`` goes before ``name``.

    Raises
    ------
    ValueError
        If a view or column has no meaning, or a meaning belongs to none.
    """
    found = published_columns()
    used = [
        full if (full := f"{view}.{name}") in columns else name
        for view, names in found.items()
        for name in names
    ]
    require_same("views", list(found), views)
    require_same("columns", used, columns)
    lines = [SQL_HEAD]
    for view, names in found.items():
        lines += [f"## `{view}`", "", views[view], "", "| column | type | meaning |"]
        lines.append("| --- | --- | --- |")
        lines += [
            f"| `{name}` | {kind} | {columns.get(f'{view}.{name}', columns.get(name))} |"
            for name, kind in names.items()
        ]
        lines.append("")
    return "\n".join(lines)


def published_columns() -> dict[str, dict[str, str]]:
    """View → column → type, of the store of an empty home."""
    with tempfile.TemporaryDirectory() as folder:
        layout = DataLayout(Path(folder))
        with open_catalog(layout):
            pass
        publish(layout)
        _, rows = query(layout, COLUMNS)
    found: dict[str, dict[str, str]] = {}
    for view, name, kind in rows:
        found.setdefault(view, {})[name] = short_type(kind)
    return found


def short_type(kind: str) -> str:
    """A type of DuckDB as people write it."""
    return "struct[]" if kind.startswith("struct") else kind.replace(ZONED, "timestamptz")


def files_page(meanings: Mapping[str, str]) -> str:
    """Markdown of the places of a home.

    Raises
    ------
    ValueError
        If a place has no meaning, or a meaning belongs to none.
    """
    places = home_places()
    require_same("files", places, meanings)
    return FILES_HEAD + "\n".join(f"| `{place}` | {meanings[place]} |" for place in places)


def home_places() -> list[str]:
    """Paths below a home that the layout names, sorted."""
    return sorted(place.name for place in vars(DataLayout).values() if isinstance(place, Below))

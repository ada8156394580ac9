"""The page on settings, from the settings model."""

import json
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticUndefined

from docs.generator.meanings import require_same
from flows.settings import Settings

HEAD = """# Settings

`genreflow.toml` in the working directory, then `GENREFLOW_…` in the environment, then options of
the command line; the later wins. An unknown setting or variable is an error. In the environment,
tables are joined by two underscores and lists are JSON: `GENREFLOW_FRAGMENTS__MARGIN_S=0`,
`GENREFLOW_NETWORKS='["cnn"]'`. Where a setting has no default, its type is shown. [An
example](#example) is at the end.
"""
TABLES, LISTS = (dict, Mapping), (tuple, list, Sequence)
EXAMPLE = Path(__file__).with_name("example.toml")


def page(meanings: Mapping[str, str], tables: Mapping[str, str]) -> str:
    """Markdown of all settings, one table for each table of the file.

    Raises
    ------
    ValueError
        If a setting has no meaning, or a meaning belongs to no setting.
    """
    found = dict(walk(Settings))
    require_same("settings", [key for table in found.values() for key in table], meanings)
    require_same("tables", [name for name in found if name], tables)
    lines = [HEAD]
    for name, table in found.items():
        heading = f"`[{name}]`" if name else "Top level"
        lines += [f"## {heading}", "", *([tables[name], ""] if name else [])]
        lines += ["| setting | default | meaning |", "| --- | --- | --- |"]
        lines += [
            f"| `{key.rpartition('.')[2]}` | {default} | {meanings[key]} |"
            for key, default in table.items()
        ]
        lines.append("")
    return "\n".join(
        (*lines, "## Example", "", "```toml", EXAMPLE.read_text("utf-8").strip(), "```")
    )


def walk(model: Any, prefix: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Each table of the file with its settings: key → default; the top level is ``""``."""
    inner, own = [], {}
    for name, annotation, default in model_fields(model):
        key = f"{prefix}{name}"
        part, suffix = record_in(annotation)
        if part is None:
            own[key] = default_words(default, annotation)
        else:
            inner.append((part, f"{key}{suffix}."))
    yield prefix.rstrip("."), own
    for part, name in inner:
        yield from walk(part, name)


def model_fields(model: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name, annotation and default of each field of a pydantic model or a dataclass."""
    if issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            yield name, field.annotation, field.get_default(call_default_factory=True)
        return
    hints = get_type_hints(model)
    for field in fields(model):
        default = field.default if field.default_factory is MISSING else field.default_factory()
        yield field.name, hints[field.name], default


def record_in(annotation: Any) -> tuple[Any, str]:
    """The record that a field holds, and ``.NAME`` where it holds one per name; else None."""
    if get_origin(annotation) in TABLES:
        return record_in(get_args(annotation)[1])[0], ".NAME"
    is_record = isinstance(annotation, type) and (
        is_dataclass(annotation) or issubclass(annotation, BaseModel)
    )
    return (annotation if is_record else None), ""


def type_words(annotation: Any) -> str:
    """A type in words: ``text``, ``list of numbers``."""
    words = {str: "text", Path: "path", int: "integer", float: "number", bool: "boolean"}
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in inside)
    if origin in (Union, types.UnionType):
        return " or ".join(
            dict.fromkeys(map(type_words, [one for one in inside if one is not types.NoneType]))
        )
    if origin in LISTS:
        return f"list of {type_words(inside[0])}"
    if origin in TABLES:
        return f"table of {type_words(inside[1])}"
    return words.get(annotation, getattr(annotation, "__name__", str(annotation)))


def default_words(default: Any, annotation: Any) -> str:
    """A default as it would be written in the file, as code; else the type, in italics."""
    if default is MISSING or default is PydanticUndefined:
        return f"*{type_words(annotation)}*, required"
    value = TypeAdapter(Any).dump_python(default, mode="json")
    if value in ("", [], {}, None):
        return f"*{type_words(annotation)}*"
    return f"`{json.dumps(value, ensure_ascii=False)}`"

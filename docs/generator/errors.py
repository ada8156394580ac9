"""The page of the codes of errors: each class of `genre_core.errors` and below has one."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.generator.meanings import require_same

PROJECT = Path(__file__).parents[2]
PACKAGES = ("genre_core", "storage", "tasks", "flows", "genreflow")
ROOT, USAGE, FAILURE = "GenreflowError", 2, 1
UNFORESEEN = "unforeseen"
"""Code of an error that is no `GenreflowError`: a fault of genreflow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownError:
    """A class of errors; ``code`` is empty where the class has none of its own."""

    name: str
    base: str
    code: str


@cache
def read_errors() -> dict[str, KnownError]:
    """Return all classes that derive from `GenreflowError`, by name."""
    classes = {}
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef) and node.bases:
                    base = ast.unparse(node.bases[0]).rpartition(".")[2]
                    classes[node.name] = KnownError(name=node.name, base=base, code=_code(node))
    known = {ROOT}
    while more := {one.name for one in classes.values() if one.base in known} - known:
        known |= more
    return {name: classes[name] for name in sorted(known)}


def _code(node: ast.ClassDef) -> str:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "code":
            return str(ast.literal_eval(statement.value))
    return ""


def page(meanings: Mapping[str, str]) -> str:
    """Return the Markdown of the page."""
    errors = read_errors()
    codes = [one.code for one in errors.values()]
    require_same("errors", [*codes, UNFORESEEN], meanings)
    return "\n".join(_lines(errors, meanings))


def _lines(errors: Mapping[str, KnownError], meanings: Mapping[str, str]) -> Iterator[str]:
    yield "# Errors"
    yield ""
    yield (
        "Each error has a code, which stays the same when its message changes. It stands in the "
        "field `code` of [JSON logs](../how-to/operations.md#json-logs), and is the attribute "
        "`code` of the exception in Python. Why a song was left out is a reason: "
        "[outcomes](outcomes.md)."
    )
    by_code = {one.code: one for one in errors.values()}
    for code in sorted(meanings):
        yield from ("", f"## {code}", "", meanings[code], "")
        one = by_code.get(code)
        exit_code = USAGE if one and _is_usage(one, errors) else FAILURE
        named = f"Exception `{one.name}`, " if one else ""
        yield f"{named}exit code {exit_code}."


def _is_usage(one: KnownError, errors: Mapping[str, KnownError]) -> bool:
    while one.name not in {"UsageError", ROOT}:
        one = errors[one.base]
    return one.name == "UsageError"

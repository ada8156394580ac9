"""Faults of settings in plain words: where a setting is written, what it takes, what is nearest."""

import os
import re
import reprlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, TypeGuard, get_args, get_origin, get_type_hints

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from genre_core.errors import UsageError

PREFIX, JOINED = "GENREFLOW_", "__"
"""Of the variables of the environment, and of tables in their names."""
_KINDS = {
    "bool": "true or false",
    "dataclass": "a table",
    "dict": "a table",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "mapping": "a table",
    "path": "a path in quotes",
    "string": "text in quotes",
    "tuple": "a list",
}
"""What a setting takes, by the first word of pydantic's type of an error."""
SECRETS = ("GENREFLOW_WEB_PASSWORD",)
"""Variables of one command, which stand in no file of settings."""
_ALL = " The page Settings of the documentation lists all."
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_KEY = re.compile(r"\s*([^\s=#\[][^=#]*?)\s*=")
_HEADER = re.compile(r"\s*\[+([^\[\]]+)\]+\s*(?:#.*)?$")
_CHOICE = re.compile(r"bool|float|function-.*|int|path|str|(list|tuple)\[.*")
"""How pydantic names one of several types that a setting may have, behind its name."""


class WrongSetting(UsageError):
    """A setting makes no sense; the sentence says why, and ``setting`` is its dotted name."""

    code = "wrong-setting"

    def __init__(self, setting: str, sentence: str) -> None:
        super().__init__(sentence)
        self.setting = setting


@dataclass(frozen=True)
class Written:
    """The settings as they are written: the text of a file, and names of options.

    ``names`` are those of all settings, dotted; those of tables with free names end in a dot, and
    what stands in such a table has NAME in place of one.
    """

    file: str
    text: str
    options: frozenset[str]
    names: tuple[str, ...]

    @cached_property
    def document(self) -> dict[str, Any]:
        """The settings of the file; raises UsageError if it is no TOML."""
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            what, _, where = str(error).rstrip(")").partition(" (at ")
            raise UsageError(
                f"{self.file}, {where}: {what}. Correct it; text stands in quotes, a path with "
                "backslashes in single quotes."
            ) from error

    def require_known_variables(self) -> None:
        """Refuse a variable of the environment that is no setting."""
        for variable in sorted(os.environ.keys() - set(SECRETS)):
            name = variable.upper().removeprefix(PREFIX).replace(JOINED, ".").lower()
            if variable.upper().startswith(PREFIX) and not self._is_known(name):
                nearest = self._nearest(name)
                hint = f" The nearest is {_as_variable(nearest)}." if nearest else _ALL
                raise UsageError(f"{variable} is no setting.{hint}")

    def locate(self, name: str) -> str:
        """Return where a setting is written: a variable, or a line; empty for an option."""
        parts = name.split(".")
        if parts[0] in self.options:
            return ""
        variables = {variable.upper() for variable, value in os.environ.items() if value}
        lines = _number_lines(self.text)
        above = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
        if found := [v for v in map(_as_variable, above) if v in variables]:
            return found[0]
        below = [line for line in lines if line.startswith(f"{name}.")]
        return next((f"{self.file}, line {lines[n]}" for n in (*above, *below) if n in lines), "")

    def place(self, name: str, sentence: str) -> str:
        """Return a sentence behind the place where a setting is written."""
        place = self.locate(name)
        return f"{place}: {sentence}" if place else sentence

    def explain(self, error: ValidationError) -> str:
        """Return a sentence a setting that pydantic refuses."""
        faults = {_dotted(fault["loc"]): fault for fault in reversed(error.errors())}
        return "\n".join(self._explain(name, faults[name]) for name in reversed(faults))

    def explain_variable(self, name: str) -> str:
        """Return a sentence on a variable that is no JSON."""
        variable = _as_variable(name)
        return (
            f"{variable} is {os.environ.get(variable, '')!r}; in the environment, lists and tables "
            f"""are written as JSON: GENREFLOW_GENRES='["jazz", "rock"]'."""
        )

    def _explain(self, name: str, fault: ErrorDetails) -> str:
        kind, given = fault["type"], fault["input"]
        expected = fault.get("ctx", {}).get("expected") or _KINDS.get(kind.partition("_")[0])
        if kind in _UNKNOWN:
            nearest = self._nearest(name)
            hint = f" The nearest is `{nearest}`." if nearest else _ALL
            sentence = f"there is no setting `{name}`.{hint}"
        elif kind == "value_error":
            sentence = fault["msg"].removeprefix("Value error, ")
            name = self._find_named(name, sentence)
        elif kind.startswith("missing"):
            sentence = f"`{name}` is missing."
        elif expected:
            sentence = f"{name} is {reprlib.repr(given)}; use {expected}."
        else:
            sentence = f"{name}: {fault['msg']}."
        return self.place(name, sentence)

    def _find_named(self, table: str, sentence: str) -> str:
        """Return the setting of a table that a sentence names; the table if it names none."""
        inside = [name for name in self.names if name.startswith(f"{table}.")]
        named = (n for n in inside if re.search(rf"\b{n.rpartition('.')[2]}\b", sentence))
        return next(named, table)

    def _is_known(self, name: str) -> bool:
        return name in self.names or any(
            name.startswith(free) for free in self.names if free.endswith(".")
        )

    def _nearest(self, name: str) -> str:
        """Return the known setting that is near a name, in its table if possible; empty if none."""
        table, _, last = name.rpartition(".")
        own = table.partition(".")[2] if f"{table.partition('.')[0]}." in self.names else ""
        table = table.replace(f".{own}", ".NAME") if own else table
        known = [n for n in self.names if not n.endswith(".")]
        beside = {n.rpartition(".")[2]: n for n in known if n.rpartition(".")[0] == table}
        joined = {n.replace(".", "_"): n for n in known}
        whole = name.replace(".", "_")
        for names, wanted, cutoff in (
            (beside, last, 0.6),
            (beside if table else {}, last, 0.0),
            (joined, whole, 0.7),
            ({n.rpartition(".")[2]: n for n in reversed(known)}, last, 0.7),
        ):
            if found := get_close_matches(wanted, names, 1, cutoff):
                return names[found[0]].replace(".NAME.", f".{own}.")
        return ""


def read_written(file: str, options: Sequence[str], model: type) -> Written:
    """Read the file of the working directory as text; it may be missing, or begin with a mark.

    Editors of Windows put a byte order mark at the beginning. Raises UsageError if the file cannot
    be read.
    """
    path = Path(file)
    try:
        text = path.read_text("utf-8-sig") if path.exists() else ""
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}. Correct it.") from error
    return Written(file, text, frozenset(options), tuple(setting_names(model)))


def setting_names(model: type, prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all settings; a table with free names also with a dot behind."""
    hints = get_type_hints(model)
    for one in fields(model):
        name, hint = f"{prefix}{one.name}", hints[one.name]
        yield name
        if is_record(hint):
            yield from setting_names(hint, f"{name}.")
        if get_origin(hint) is Mapping:
            yield f"{name}."
            if is_record(inside := get_args(hint)[1]):
                yield from setting_names(inside, f"{name}.NAME.")


def is_record(hint: Any) -> TypeGuard[type]:  # noqa: ANN401 - an annotation
    """Whether a setting is a table of settings."""
    return isinstance(hint, type) and is_dataclass(hint)


def _as_variable(name: str) -> str:
    return PREFIX + name.replace(".", JOINED).upper()


def _dotted(parts: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in parts if not _CHOICE.fullmatch(str(part)))


def _number_lines(text: str) -> dict[str, int]:
    """Return the line of each key and table of a file, by dotted name."""
    table, numbers = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _unquote(header[1])
            numbers.setdefault(table, number)
        elif key := _KEY.match(line):
            name = f"{table}.{_unquote(key[1])}" if table else _unquote(key[1])
            numbers.setdefault(name, number)
    return numbers


def _unquote(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))

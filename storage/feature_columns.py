"""Columns of features in a table that people bring: which ones their patterns name."""

import difflib
import fnmatch
import re
from collections.abc import Sequence

from genre_core.errors import UsageError
from genre_core.records import counted, name_first

_SHOWN = 5
NUMBER = re.compile(
    r"(TINY|SMALL|BIG|HUGE|U\w*)?INT(EGER)?|INTEGER|FLOAT|DOUBLE|REAL|BOOLEAN|DECIMAL.*"
)
"""Types of numbers in DuckDB."""
_LIST = re.compile(r"(.+)\[\d*\]")
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")


def select_features(
    patterns: Sequence[str], types: dict[str, str], others: Sequence[str] = ()
) -> list[str]:
    """Return the columns that patterns name: ``f0..f511``, ``mfcc_*``, or a name.

    Both ends of a range that differ in one number stand for the numbers between; other ends, for
    the columns between them in the table. Columns that are something else, ``others``, such as the
    label, are left out of patterns and ranges, and refused by name.
    """
    if not patterns:
        suggested = _suggest_numeric({name: types[name] for name in types if name not in others})
        raise UsageError(f"Name the features with --features, {suggested}.")
    if named := [name for name in patterns if name in others]:
        raise UsageError(
            f"{listed(named)} cannot be a feature: it is the label, group, track, split, source "
            "or a shortcut. Leave it out of --features."
        )
    matched = dict.fromkeys(name for text in patterns for name in _match(text, list(types)))
    found = [name for name in matched if name not in others]
    if not found:
        raise UsageError(f"{listed(patterns)} names no column but {listed(list(matched))}.")
    texts = [name for name in found if not _is_numeric(types[name])]
    if texts:
        raise UsageError(
            f"Features must be numbers; {counted(len(texts), 'column')} of them "
            f"{'is' if len(texts) == 1 else 'are'} not: "
            f"{listed([f'{name} ({types[name]})' for name in texts])}."
        )
    return found


def no_column(name: str, names: Sequence[str]) -> UsageError:
    """Return the error that a table has no such column, with those that are alike."""
    return UsageError(f"The table has no column {name}. {_suggest(name, names)}")


def listed(names: Sequence[str]) -> str:
    """Return the first of some names, and how many there are."""
    return name_first(names, _SHOWN) + (f" ({len(names)} in all)" if len(names) > _SHOWN else "")


def _match(pattern: str, names: list[str]) -> list[str]:
    if pattern in names:
        return [pattern]
    if ".." in pattern:
        first, _, last = pattern.partition("..")
        return _range(first, last, names)
    matched = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
    if not matched:
        raise no_column(pattern, names)
    return matched


def _range(first: str, last: str, names: list[str]) -> list[str]:
    for name in (first, last):
        if name not in names:
            raise no_column(name, names)
    one, other = _NUMBERED.fullmatch(first), _NUMBERED.fullmatch(last)
    if one and other and (one[1], one[3]) == (other[1], other[3]):
        digits = len(one[2])
        wanted = [f"{one[1]}{n:0{digits}}{one[3]}" for n in range(int(one[2]), int(other[2]) + 1)]
        missing = [name for name in wanted if name not in names]
        if missing:
            raise UsageError(f"The table has no {listed(missing)} between {first} and {last}.")
        if wanted:
            return wanted
    start, end = names.index(first), names.index(last)  # places in the table
    if start > end:
        raise UsageError(f"{first} comes after {last} in the table. Write {last}..{first}.")
    return names[start : end + 1]


def _is_numeric(kind: str) -> bool:
    lists = _LIST.fullmatch(kind)
    return bool(NUMBER.fullmatch(lists[1] if lists else kind))


def _suggest_numeric(types: dict[str, str]) -> str:
    numeric = [name for name, kind in types.items() if _is_numeric(kind)]
    if not numeric:
        return "but the table has no column of numbers"
    return f"such as `--features '{numeric[0]}..{numeric[-1]}'` (its columns of numbers)"


def _suggest(name: str, names: Sequence[str]) -> str:
    numbered = _NUMBERED.fullmatch(name)
    alike = [
        (int(other[2]), other[0])
        for other in map(_NUMBERED.fullmatch, names)
        if numbered and other and (other[1], other[3]) == (numbered[1], numbered[3])
    ]
    if numbered and alike and max(alike)[0] < int(numbered[2]):
        return f"The last one of this name is {max(alike)[1]}."
    near = difflib.get_close_matches(name, names, 3, 0.5)
    return f"Did you mean {' or '.join(near)}?" if near else f"It has: {listed(names)}."

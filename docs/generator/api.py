"""The page on the Python API, from the docstrings of the package ``genreflow``."""

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import genreflow

HEAD = """# Python API

`import genreflow` takes some 20 ms, imports nothing heavy and changes nothing. Names on this page
stay; new ones may be added. [How to use it](../how-to/python.md) shows the way from a folder of
music to predictions.

The examples are run in the tests (`make test-long`). They hold where `genreflow run` has made the
built-in library in `data`, after

```python
import genreflow

library = genreflow.open("data")
song = "data/builtin-library-unseen/classical-wendro-corvell-latent-garden.mp3"
```

## Functions
"""
WIDEST = 80
"""Of a signature, in characters, on one line."""


def page() -> str:
    """Markdown of all public names: functions, the class, records, errors."""
    public = {name: getattr(genreflow, name) for name in genreflow.__all__}
    lines = [HEAD]
    for name in sorted(public, key=lambda name: name != "open"):
        if inspect.isfunction(public[name]):
            lines += described(f"genreflow.{name}", public[name])
    lines += ["## `genreflow.Library`", "", *body(genreflow.Library)]
    for name, member in public_members(genreflow.Library):
        lines += described(f"library.{name}", member)
    lines += ["## Records", "", "Frozen; `dataclasses.asdict` makes a dict.", ""]
    for name, record in public.items():
        if is_dataclass(record):
            lines += record_lines(name, record)
    lines += ["## Errors", "", "| error | kind of | meaning |", "| --- | --- | --- |"]
    lines += [error_line(name, error) for name, error in public.items() if is_error(error)]
    return "\n".join(lines)


def described(name: str, thing: Any) -> Iterator[str]:
    """A function, method or property: its name, its signature and its docstring."""
    yield from (f"### `{name}`", "", "```python", name + signature(thing), "```", "")
    yield from body(thing)


def record_lines(name: str, record: Any) -> Iterator[str]:
    """A record with its fields."""
    yield from (f"### `genreflow.{name}`", "", *body(record), "| field | type |", "| --- | --- |")
    for one in fields(record):
        kind = type_of(one.type).replace("|", "\\|")
        yield f"| `{one.name}` | `{kind}` |"
    yield ""


def error_line(name: str, error: Any) -> str:
    """An error, what it is a kind of, and the first paragraph of its docstring."""
    meaning = " ".join((inspect.getdoc(error) or "").partition("\n\n")[0].split())
    return f"| `{name}` | `{error.__base__.__name__}` | {code(meaning)} |"


def is_error(thing: Any) -> bool:
    """Whether a public name is an exception."""
    return inspect.isclass(thing) and issubclass(thing, Exception)


def public_members(thing: type) -> Iterator[tuple[str, Any]]:
    """Methods and properties of a class and its bases, properties first, each as in the source."""
    found = dict(one for base in reversed(thing.mro()) for one in vars(base).items())
    members = [(name, member) for name, member in found.items() if not name.startswith("_")]
    yield from sorted(members, key=lambda member: not isinstance(member[1], property))


def signature(thing: Any) -> str:
    """The signature of a function or method, a parameter a line; the type of a property."""
    if isinstance(thing, property):
        return f": {type_of(inspect.signature(thing.fget).return_annotation)}"  # type: ignore[arg-type]
    found = inspect.signature(thing)
    kept = [p for p in found.parameters.values() if p.name != "self"]
    one_line = written(str(found.replace(parameters=kept)))
    if len(one_line) <= WIDEST:
        return one_line
    rest = str(found.replace(parameters=[])).removeprefix("()")
    listed = "".join(f"    {parameter},\n" for parameter in parameters(kept))
    return written(f"(\n{listed}){rest}")


def parameters(kept: Sequence[inspect.Parameter]) -> Iterator[str]:
    """Parameters as they are written, with the star before those that are named in a call."""
    kinds = [parameter.kind for parameter in kept]
    for place, parameter in enumerate(kept):
        is_first = parameter.kind not in kinds[:place]
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and is_first:
            yield "*"
        yield str(parameter)


def written(text: str) -> str:
    """A signature without quotes around types and without the modules of their names."""
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)
    return re.sub(r"\b(?:\w+\.)+(?=[A-Z])", "", text)


def type_of(annotation: Any) -> str:
    """A type as it is written."""
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    is_plain = isinstance(annotation, type) and not getattr(annotation, "__args__", ())
    text = name if isinstance(annotation, str) or is_plain else str(annotation)
    return re.sub(r"\b(?:\w+\.)+(?=[A-Z])", "", text).strip("'")


def body(thing: Any) -> Iterator[str]:
    """A docstring in numpy's convention as Markdown."""
    heading, block = "", []
    for line in [*(inspect.getdoc(thing) or "").splitlines(), "", "-"]:
        if line and set(line) == {"-"}:
            next_heading = block.pop() if len(line) > 1 else ""
            yield from section(heading, block)
            heading, block = next_heading, []
        else:
            block.append(line)


def section(heading: str, lines: list[str]) -> Iterator[str]:
    """One section of a docstring."""
    text = "\n".join(lines).strip()
    if heading == "Examples" and text.startswith("::"):
        yield from ("```python", inspect.cleandoc(text.removeprefix("::")), "```", "")
    elif heading == "Examples":
        yield from ("```pycon", text, "```", "")
    elif not heading:
        yield from (code(text), "")
    else:
        yield from (f"**{heading}**", "")
        for entry in re.split(r"\n(?=\S)", text):
            name, _, meaning = entry.partition("\n")
            yield f"- `{name}`: {code(' '.join(meaning.split()))}"
        yield ""


def code(text: str) -> str:
    """Text with the code of reStructuredText as that of Markdown."""
    return text.replace("``", "`")

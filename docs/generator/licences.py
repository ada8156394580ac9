"""Write the page of the licences of all dependencies, and refuse those that were not looked at.

``python -m docs.generator.licences PROGRAM`` reads this environment through pip-licenses, the
program; `make licences` does it.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from genre_core.records import counted

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "licences.md"
EXTRAS = ("", "train", "download", "nightly", "dask", "onnx")
"""The core, and the extras that people install."""
ALLOWED = re.compile(
    r"(3-Clause )?BSD.*|0BSD|Apache.*|MIT.*|ISC.*|PSF.*|Python Software Foundation License"
    r"|Unlicense|Zlib|CC0-1\.0|CNRI-Python|Public Domain|MPL-2\.0|Mozilla Public License 2\.0.*"
    r"|LGPL-2\.1.*"
)
LOOKED_AT = {
    "ducc0": "GPL-2.0-or-later",
    "mutagen": "GPL-2.0-or-later",
    "huey": "MIT (its LICENSE file)",
    "namex": "Apache-2.0 (its LICENSE file)",
    "skops": "MIT (its LICENSE file)",
    "text-unidecode": "Artistic-1.0 (chosen; or GPL-2.0-or-later)",
}
"""What was found by hand, where metadata name no licence, a choice, or one with conditions."""
INTRODUCTION = """<!-- written by `make licences` (docs/generator/licences.py); do not edit -->

# Licences of the dependencies

genreflow is under the MIT licence. What it installs on Linux with Python 3.11 is listed here, by
extra; `make audit` fails where a licence is unknown, or was not looked at.

**Who passes genreflow on together with its packages**, as an image or an installer, passes on
works under the GPL, and follows its terms for the whole: the core contains `ducc0` and `mutagen`
(GPL-2.0-or-later), and the wheel of `av` brings FFmpeg with libx264 and libx265
(GPL-2.0-or-later). The wheels of `soundfile` and `soxr` bring libsndfile, libmpg123, LAME and
libsoxr (LGPL-2.1-or-later). To install genreflow for oneself, or within a company, nothing is
asked.

The weights of the built-in embeddings, of musicnn, are under the ISC licence.
"""


def closure(roots: Iterable[str]) -> set[str]:
    """Names of the installed packages that requirements lead to, in this environment."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        requirement = waiting.pop()
        for extra in ("", *requirement.extras):
            key = (canonicalize_name(requirement.name), extra)
            if key in found:
                continue
            try:
                needed = map(Requirement, requires(key[0]) or ())
            except PackageNotFoundError:  # of another system or Python
                continue
            found.add(key)
            waiting += [
                one for one in needed if not one.marker or one.marker.evaluate({"extra": extra})
            ]
    return {name for name, _extra in found}


def roots_of(extra: str) -> list[str]:
    """Return the requirements of the core, or of an extra with the extras that it takes in."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = project["optional-dependencies"][extra] if extra else project["dependencies"]
    inner = [re.fullmatch(r"genreflow\[(.+)]", one) for one in named]
    taken = [root for one in inner if one for each in one[1].split(",") for root in roots_of(each)]
    own = [one for one, match in zip(named, inner, strict=True) if not match]
    return [one for one in own if _holds_here(one)] + taken


def _holds_here(requirement: str) -> bool:
    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate()


def read_licences(program: str) -> dict[str, tuple[str, str]]:
    """Package → version and licence, as pip-licenses reads this environment."""
    command = [
        program,
        "--python",
        sys.executable,
        "--with-system",
        "--from",
        "mixed",
        "--format",
        "json",
    ]
    listed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {
        name: (one["Version"], LOOKED_AT.get(name, one["License"]))
        for one in listed
        for name in [canonicalize_name(one["Name"])]
    }


def find_faults(names: Iterable[str], licences: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return a sentence on each package whose licence is none of those that are known to fit."""
    return [
        f"{name}: the licence {licences[name][1]!r} was not looked at. Read it, then add it to "
        "ALLOWED or LOOKED_AT in docs/generator/licences.py, or do without the package."
        for name in sorted(names)
        if name not in LOOKED_AT and not all(map(ALLOWED.fullmatch, _parts(licences[name][1])))
    ]


def _parts(licence: str) -> list[str]:
    """Parts of an expression that all hold; of those that may be chosen, the first."""
    return [
        re.split(r" OR | WITH ", part.strip("() "))[0] for part in re.split(r";| AND ", licence)
    ]


def page(licences: Mapping[str, tuple[str, str]], groups: Mapping[str, set[str]]) -> str:
    """Markdown of the page."""
    return "\n".join([INTRODUCTION, *_lines(licences, groups)]).strip() + "\n"


def _lines(
    licences: Mapping[str, tuple[str, str]], groups: Mapping[str, set[str]]
) -> Iterator[str]:
    seen: set[str] = set()
    for extra, names in groups.items():
        fresh = sorted(names - seen)
        heading = f"Extra `{extra}`" if extra else "Core"
        more = counted(len(fresh), "package") + (" more than those above" if extra else "")
        yield from (f"## {heading}", "", f"{more}.", "", "| package | version | licence |")
        yield "| --- | --- | --- |"
        yield from (f"| {name} | {' | '.join(licences[name])} |" for name in fresh)
        yield ""
        seen |= names


def main(program: str) -> None:
    """Write the page; the exit code is 1 if a licence was not looked at."""
    licences = read_licences(program)
    groups = {extra: closure(roots_of(extra)) for extra in EXTRAS}
    PAGE.write_text(page(licences, groups), encoding="utf-8")
    faults = find_faults(set().union(*groups.values()), licences)
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main(sys.argv[1])

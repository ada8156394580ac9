"""The thesis report as pages: one HTML file that needs no other, and Markdown."""

import base64
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from genre_core.bootstrap import Interval
from genre_core.claims.findings import Finding, say_once
from genre_core.claims.parts import more_songs
from genre_core.claims.statements import CLAIMS, GENERAL_RULES, count_verdicts
from tasks.thesis_evidence import Gathered
from tasks.thesis_facts import Facts
from tasks.thesis_figures import Plate

HTML, MARKDOWN = "thesis-report.html", "thesis-report.md"


def render_pages(
    gathered: Gathered,
    facts: Facts,
    findings: Sequence[Finding],
    plates: Sequence[Plate],
    images: Mapping[str, bytes],
) -> dict[str, str]:
    """Give the text of both pages by the name of their files.

    Parameters
    ----------
    images : mapping of str to bytes
        The PNG files that plates and ladder name; HTML holds them, Markdown stands beside them.
    """
    shown, shared = say_once(findings, more_songs(gathered.evidence))
    told = {
        "claims": list(zip(CLAIMS, shown, strict=True)),
        "shared": shared,
        "counted": count_verdicts(tuple(finding.verdict for finding in findings)),
        "rules": GENERAL_RULES,
        "facts": facts,
        "plates": plates,
        "sample": gathered.sample,
        "evidence": gathered.evidence,
        "images": {name: _inline(png) for name, png in images.items()},
    }
    return {
        HTML: _environment(autoescape=True).from_string(_source(HTML)).render(told),
        MARKDOWN: _environment(autoescape=False).from_string(_source(MARKDOWN)).render(told),
    }


def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        autoescape=autoescape, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"code": _code, "cell": _cell, "score": _score, "anchor": _anchor}
    return environment


def _source(name: str) -> str:
    return files("tasks").joinpath(name.replace("-", "_")).read_text("utf-8")


def _inline(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _code(text: str) -> Markup:
    """Escape a sentence for HTML and set what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _cell(text: object) -> str:
    """Write text into one cell of a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def _anchor(text: str) -> str:
    """Name a verdict as a class of the page: ``does-not-hold``."""
    return text.replace(" ", "-")


def _score(found: Sequence[float] | None) -> str:
    """Show value, low and high of a document, or a dash where there is none."""
    if not found:
        return "–"
    return str(Interval(value=found[0], low=found[1], high=found[2]))

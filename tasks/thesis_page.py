"""The thesis report as pages: one HTML file that needs no other, and Markdown."""

from collections.abc import Mapping, Sequence

from genre_core.claims.findings import Finding, say_once
from genre_core.claims.parts import more_songs
from genre_core.claims.statements import CLAIMS, GENERAL_RULES, count_verdicts
from tasks.pages import fill_template, inline_png
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
        "images": {name: inline_png(png) for name, png in images.items()},
    }
    return {
        HTML: fill_template(HTML, told),
        MARKDOWN: fill_template(MARKDOWN, told),
    }

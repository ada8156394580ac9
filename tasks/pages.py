"""Pages from the templates beside this file: HTML that needs no other file, and Markdown."""

import base64
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from genre_core.evaluation.bootstrap import Interval
from genre_core.locations import printable

STYLE = "page-style.html"
_CODE = re.compile(r"(?<!`)(`[^`]+`)(?!`)")
_ACTIVE = re.compile(r"[\\`*_\[\]!]")
_ACTIVE_OR_PLACE = re.compile(r"[\\`*_\[\]!()]")


def fill_template(name: str, content: Mapping[str, object]) -> str:
    """Fill a template; values in HTML are escaped; ``style`` is that of all pages.

    Control characters of names are shown as escapes: a page may be printed in a terminal, too.
    """
    is_html = name.endswith(".html")
    environment = Environment(
        autoescape=is_html, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "code": _code,
        "cell": lambda text: str(text).replace("|", "\\|").replace("\n", " "),
        "score": _score,
        "anchor": lambda text: text.replace(" ", "-"),
        "md": _plain,
        "foreign": _foreign,
    }
    style = Markup(_source(STYLE)) if is_html else ""
    return printable(environment.from_string(_source(name)).render(content, style=style))


def inline_png(png: bytes) -> str:
    """Return an image as a data address."""
    return _inline("image/png", png)


def inline_mp3(mp3: bytes) -> str:
    """Return a sound as a data address."""
    return _inline("audio/mpeg", mp3)


def inline_wav(wav: bytes) -> str:
    """Return a sound as a data address."""
    return _inline("audio/wav", wav)


def shown_s(seconds: float) -> str:
    """Return a duration as people read it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s"


def _inline(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _source(name: str) -> str:
    return files("tasks").joinpath(name.replace("-", "_")).read_text("utf-8")


def _code(text: str) -> Markup:
    """Escape a sentence for HTML; text between backticks becomes code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _score(found: Sequence[float] | None) -> str:
    """Show value, low and high of a document, or a dash where there is none."""
    if not found:
        return "–"
    return str(Interval(value=found[0], low=found[1], high=found[2]))


def _plain(text: object) -> str:
    """Write a sentence of genreflow into Markdown: code stays code, quotes are plain text."""
    parts = _CODE.split(" ".join(str(text).split("\n")))
    quoted = [
        part if part.startswith("`") and _CODE.fullmatch(part) else _literal(part, _ACTIVE)
        for part in parts
    ]
    return "".join(quoted)


def _foreign(text: object) -> str:
    """Write a foreign name into Markdown: none of it is taken for markup."""
    return _literal(" ".join(str(text).split("\n")), _ACTIVE_OR_PLACE)


def _literal(text: str, active: re.Pattern[str]) -> str:
    plain = text.replace("&", "&amp;").replace("<", "&lt;")
    return active.sub(r"\\\g<0>", plain)

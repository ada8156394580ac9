"""The report of a nightly run within the page: its songs lead to their pages, and are played."""

import re
from pathlib import Path

from markupsafe import escape
from starlette.responses import HTMLResponse

_SONG = re.compile(r'<span class="song" data-track="(\w{64})">(.*?)</span>', re.DOTALL)
_EXCERPT = re.compile(r'<div class="excerpt" data-track="(\w{64})">.*?</div>', re.DOTALL)
_PLAYER = (
    r'<div class="excerpt"><audio controls preload="none" src="/audio/songs/\1/preview" '
    r'aria-label="Excerpt"></audio></div>'
)
_ICON = '<link rel="icon" href="/static/icon.svg" type="image/svg+xml">'
_BACK = '<p class="small"><a href="/nights">← Nights</a></p>'


def serve_report(report: Path, nonce: str) -> HTMLResponse:
    """Send a report; what `tasks/nightly.html` marks as a song leads to the song of this server.

    Values in a report are escaped, so that no name of a song can hold such a mark. Its style sheet
    gets the nonce of the answer; excerpts are played from this server, not from within the report.
    """
    text = report.read_text("utf-8")
    text = text.replace("<style>", f'{_ICON}<style nonce="{escape(nonce)}">', 1)
    text = text.replace("<main>", f"<main>\n{_BACK}", 1)
    text = _EXCERPT.sub(_PLAYER, text)
    return HTMLResponse(_SONG.sub(r'<a href="/songs/\1">\2</a>', text))

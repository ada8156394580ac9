"""Texts without what is private: names of songs and artists, paths, addresses, secrets."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping

from storage.home import DataLayout

SHORTEST_NAME = 3
SHORTEST_SECRET = 4
SECRET = re.compile(r"(?i)pass|secret|token|key|auth|credential|cookie|session|dsn")
"""In the name of a variable or a setting: its value is never shown."""
_ADDRESS = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*:/+\S+")
_MAIL = re.compile(r"\S+@\S+\.\w+")
_ASSIGNED = re.compile(
    r"(?i)([\w.-]*(?:pass|secret|token|key|auth|credential|cookie|session)[\w.-]*"
    r"\\*[\"']?\s*[=:]\s*)"
    r"(?:(?P<quote>\\*[\"']).*?(?<!\\)(?P=quote)|(?:bearer\s+|basic\s+)?[\"']?[^\s\"',;]+)"
)
"""A value in quotes, also in those of a text in JSON, ends at the quote that closes it."""
_MACHINE = re.compile(
    r"(?<![\w.-])(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|(?!\S*\.py:)[A-Za-z][\w.-]*:\d{2,5})\b"
    r"|(?<=host=['\"])[^'\"]+"
)
"""An IPv4 address, a name with a port, and a name as errors of Python write it."""
_CODE = re.compile(
    r'"[^"\n]*?/((?:flows|tasks|storage|genre_core|genreflow|site-packages)/[^"\n]*\.py)"'
)
"""A file of a traceback, which says where in the programs it was."""
_END = r"(?=[\"'`\n]|: |, line |; | (?:is|are|was|were|has|have|cannot|can|does|failed)\b|$)"
_PATH = re.compile(rf"(?<![\w<>])(?:~|[A-Za-z]:)?[/\\](?=[^\s/\\\"']).*?{_END}")
"""A name in it may have spaces: it ends where a sentence goes on."""
_HOME = re.compile(rf"<home>/([\w.-]+)/?(.*?){_END}")
_SONG = re.compile(
    r"(?i)[^\n\"'`:]*\.(?:mp3|flac|ogg|oga|opus|m4a|aac|wav|aiff?|wma|ape|wv|mp4|webm)\b"
)
_LONG = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,}\b")
_DIGEST = re.compile(r"[0-9a-f]{12,64}")


class Scrubber:
    """Replaces what is private in texts; the same thing gets the same replacement.

    ``names`` are of songs, artists and albums; ``secrets`` values of settings and variables.
    """

    def __init__(self, layout: DataLayout, names: Iterable[str], secrets: Iterable[str]) -> None:
        home = re.escape(unicodedata.normalize("NFC", str(layout.home.absolute())))
        self._home = re.compile(rf"{home}(?![\w-]|\.\w)")  # not the beginning of another name
        self._secrets = _any_of(secrets, SHORTEST_SECRET, "")
        self._names = _any_of(names, SHORTEST_NAME, r"(?i)")

    def scrub(self, text: str) -> str:
        """Return a text without anything private."""
        text = unicodedata.normalize("NFC", text)
        text = self._home.sub("<home>", _CODE.sub(r"<code>\1<end>", text))
        text = self._secrets.sub("<secret>", text)
        text = _ASSIGNED.sub(r"\1\g<quote><secret>\g<quote>", text)
        text = _ADDRESS.sub(lambda found: _marked("address", found[0]), text)
        text = _MAIL.sub("<mail>", text)
        text = _MACHINE.sub(lambda found: _marked("machine", found[0]), text)
        text = self._names.sub("<name>", text)
        text = _HOME.sub(_place, text)
        text = _PATH.sub(lambda found: _marked("path", found[0]), text)
        text = _SONG.sub(lambda found: _marked("file", found[0]), text)
        text = _LONG.sub(lambda found: found[0] if _DIGEST.fullmatch(found[0]) else "<long>", text)
        return text.replace("<code>", '"').replace("<end>", '"')

    def scrub_document(self, document: object) -> object:
        """Return a document whose texts are scrubbed; names of its fields stay."""
        if isinstance(document, str):
            return self.scrub(document)
        if isinstance(document, Mapping):
            return {str(key): self.scrub_document(value) for key, value in document.items()}
        if isinstance(document, list | tuple):
            return [self.scrub_document(value) for value in document]
        return document


def _place(found: re.Match[str]) -> str:
    """A place in the home: its folder stays, the rest is private."""
    rest = f"/{_marked('path', found[2])}" if found[2] else ""
    return f"<home>/{found[1]}{rest}"


def _marked(kind: str, text: str) -> str:
    return f"<{kind} {hashlib.sha256(text.encode()).hexdigest()[:8]}>"


def _any_of(texts: Iterable[str], shortest: int, flags: str) -> re.Pattern[str]:
    """Pattern of whole texts, the longest first; one that never matches if there are none.

    Accents are composed, and any space stands for any other.
    """
    texts = (unicodedata.normalize("NFC", text) for text in texts)
    known = sorted({text.strip() for text in texts if len(text.strip()) >= shortest}, key=len)
    if not known:
        return re.compile(r"(?!)")
    return re.compile(flags + r"(?<!\w)(?:" + "|".join(map(_spaced, reversed(known))) + r")(?!\w)")


def _spaced(text: str) -> str:
    return r"\s+".join(map(re.escape, text.split()))

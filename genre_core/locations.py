"""How text from outside is shown and files are named: without credentials, as plain text."""

import re
from urllib.parse import urlsplit

_CREDENTIALS = re.compile(r"((?:^|:)//)[^/?#]*@")
_PERHAPS_CREDENTIALS = re.compile(r"^([a-z+.-]*:/*)?.*[@＠﹫]", re.IGNORECASE | re.DOTALL)
_PARAMETER = re.compile(r";[^/;=]+=[^/;]*")
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*:/+\S+", re.IGNORECASE)
# C0 and C1 without tab and line feed, and what reorders or breaks lines unseen
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_ID_IN_LIST = re.compile(r"\w+%20[^&=?]+")
# fields of a query that name a song or a list and open nothing
_NAMING = frozenset(("album", "id", "list", "song", "track", "v"))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ESCAPED_BYTE = re.compile(r"\\udc([0-9a-f]{2})")


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def escape_text(text: str) -> str:
    r"""Return a text with escapes (``\udce9``) for the bytes of a name that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def location_of(path: object) -> str:
    """Return the text that names a file in the catalog, in messages and in JSON.

    It is the path itself, with escapes for bytes that are not UTF-8; `path_of` leads back.
    """
    return escape_text(_ESCAPED_BYTE.sub(r"\\udc5cudc\1", str(path)))


def path_of(location: str) -> str:
    """Return the path of a file by its location, the inverse of `location_of`."""
    if "\\udc" not in location:
        return location
    return _ESCAPED_BYTE.sub(lambda found: _byte(int(found[1], 16)), location)


def _byte(value: int) -> str:
    return chr(value if value < 0x80 else 0xDC00 + value)


def printable(text: str) -> str:
    r"""Return a text that a terminal shows and does not obey: control characters as ``\x1b``."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def quote_formula(text: str) -> str:
    """Return a text that a table program does not take for a formula: tags are of strangers."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def unquote_formula(text: str) -> str:
    """Return a text as it was before `quote_formula`."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def show_location(location: str) -> str:
    """Return a location as messages show it: an address without credentials and query."""
    if _is_path(location):
        return location
    credentials = _CREDENTIALS if _is_well_formed(location) else _PERHAPS_CREDENTIALS
    return _PARAMETER.sub("", _QUERY.sub("", credentials.sub(r"\1", location)))


def show_addresses(text: str) -> str:
    """Return a text with its addresses as `show_location` shows them."""
    return _ADDRESS.sub(lambda found: show_location(found[0]), text)


def mask_location(location: str) -> str:
    """Return a location as the published store shows it.

    Credentials are removed and the fields of the query masked (``token=***``), except those that
    name a song (``v=``, ``id=``); so is the fragment, except the id of a song in its list.
    """
    if _is_path(location) or not re.search("^//|:", location):
        return location
    rest, _, fragment = location.partition("#")
    query = "&".join(map(_mask_field, filter(None, rest.partition("?")[2].split("&"))))
    place = f"#{fragment}" if _ID_IN_LIST.fullmatch(fragment) else ""
    return show_location(location) + (f"?{query}" if query else "") + place


def _mask_field(field: str) -> str:
    name, separator, value = field.partition("=")
    if not separator:
        return "***"
    is_shown = name.lower() in _NAMING and ";" not in value
    return field if is_shown else f"{name}=***"


def _is_path(location: str) -> bool:
    return location.startswith("/") and not location.startswith("//")


def _is_well_formed(location: str) -> bool:
    """Whether an address has a host, and a port that is a number."""
    try:
        parts = urlsplit(location)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False

"""How a run reaches music sites: settings, cookies, and what another program has fetched."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from genre_core.errors import TransientError, UsageError
from genre_core.records import Reason

_FAILURES = (Reason.UNREACHABLE, Reason.TIMED_OUT, Reason.TRUNCATED, Reason.SITE_BROKEN)
_COOKIES_HEADING = "# Netscape HTTP Cookie File"
# domain, with subdomains, path, https only, expires, name, value
_COOKIE = re.compile(r"(#HttpOnly_)?[^#\t]+(\t[^\t]*){3}\t([0-9]+(\.[0-9]+)?)?(\t[^\t]*){2}")


class Circuits:
    """One circuit breaker per site; a site is a family of pages, or the server of direct addresses.

    It is shared by the threads of a run. There is no lock, so that it can be sent to another
    process: each step is one call on a dictionary or a list, and a count that is late by one
    does no harm.
    """

    def __init__(self, failures_to_open: int = 3) -> None:
        self._failures_to_open = failures_to_open
        self._failures: dict[str, list[str]] = {}
        self._given_up: dict[str, str] = {}

    @property
    def given_up(self) -> dict[str, str]:
        """The sites that were given up, each with its last failure."""
        return dict(self._given_up)

    def require_closed(self, site: str) -> None:
        """Raise a `TransientError`, ``site_broken``, if the site was given up in this run."""
        if site in self._given_up:
            sentence = f"{site} was given up in this run: {self._given_up[site]}"
            raise TransientError(Reason.SITE_BROKEN, sentence)

    def note_failure(self, site: str, error: TransientError) -> None:
        """Count a failure of the site; others, such as a full disk, are not counted."""
        if not site or error.reason not in _FAILURES:
            return
        failures = self._failures.setdefault(site, [])
        failures.append(str(error))
        if len(failures) >= self._failures_to_open:
            self._given_up.setdefault(site, str(error))

    def note_success(self, site: str) -> None:
        """Count from the beginning again."""
        self._failures.pop(site, None)

    def give_up(self, sites: Mapping[str, str]) -> None:
        """Stop asking sites that another process has given up."""
        self._given_up = {**sites, **self._given_up}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConfig:
    """How music sites are asked.

    Attributes
    ----------
    cookies_file : str
        Cookies in the format of Netscape, as browsers export them; it is only read.
    rate_limit_bytes_per_s : int
        Fastest download of one song; 0: unlimited.
    archive_file : str
        A download archive of yt-dlp: a line ``extractor id`` for each song that is not to be
        fetched; it is only read.
    failures_to_open : int
        After so many failures in a row a site is given up for the rest of a run.
    """

    cookies_file: str = ""
    rate_limit_bytes_per_s: int = 0
    archive_file: str = ""
    failures_to_open: int = 3

    def __post_init__(self) -> None:
        if self.rate_limit_bytes_per_s < 0:
            rate = self.rate_limit_bytes_per_s
            raise ValueError(f"sites.rate_limit_bytes_per_s is {rate}; use 0 or more.")
        if self.failures_to_open < 1:
            failures = self.failures_to_open
            raise ValueError(f"sites.failures_to_open is {failures}; use 1 or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a run knows of sites; ``circuits`` is the one part that changes.

    ``cookies`` is the text of the file, ``archive`` the ids that it must not fetch.
    """

    config: SiteConfig = field(default_factory=SiteConfig)
    cookies: str = field(default="", repr=False)
    archive: frozenset[str] = field(default=frozenset(), repr=False)
    circuits: Circuits = field(default_factory=Circuits)


def open_access(config: SiteConfig) -> Access:
    """Read the files that the settings name.

    Raises
    ------
    UsageError
        If one of them cannot be read, or is not what it should be.
    """
    return Access(
        config=config,
        cookies=_read_cookies(config.cookies_file),
        archive=_read_archive(config.archive_file),
        circuits=Circuits(config.failures_to_open),
    )


def _read_archive(archive_file: str) -> frozenset[str]:
    """Return the ids of a download archive, ``extractor id`` with the extractor in lower case."""
    lines = _read_text(archive_file, "archive_file").splitlines()
    return frozenset(
        _read_id(line.strip(), f"{archive_file}, line {number}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    )


def _read_id(line: str, place: str) -> str:
    extractor, _, song_id = line.partition(" ")
    if not song_id.strip():
        raise UsageError(f"{place}: {line[:80]!r} is no id. Name a download archive of yt-dlp.")
    return f"{extractor.lower()} {song_id.strip()}"


def _read_text(name: str, setting: str) -> str:
    if not name:
        return ""
    try:
        return Path(name).expanduser().read_text("utf-8-sig")
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror}. Correct sites.{setting}."
        raise UsageError(message) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8. Correct sites.{setting}.") from error


def _read_cookies(cookies_file: str) -> str:
    """Return the lines that are cookies, below the heading that readers insist on."""
    lines = _read_text(cookies_file, "cookies_file").splitlines()
    cookies = [line for line in lines if _COOKIE.fullmatch(line)]
    if cookies_file and not cookies:
        message = f"{cookies_file} holds no cookies in the format of Netscape. Export them again."
        raise UsageError(message)
    return "\n".join([_COOKIES_HEADING, *cookies, ""]) if cookies else ""

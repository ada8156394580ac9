"""How a run reaches music sites: settings, cookies, and what another program has fetched."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from genre_core.errors import TransientError, UsageError
from genre_core.locations import escape_text, path_of
from genre_core.records import Reason

_FAILURES = (Reason.UNREACHABLE, Reason.TIMED_OUT, Reason.TRUNCATED, Reason.SITE_BROKEN)
_COOKIES_HEADING = "# Netscape HTTP Cookie File"
# domain, with subdomains, path, https only, expires, name, value
_COOKIE = re.compile(r"(#HttpOnly_)?[^#\t]+(\t[^\t]*){3}\t([0-9]+(\.[0-9]+)?)?(\t[^\t]*){2}")


class Circuits:
    """One circuit breaker per site, which is a family of pages or the server of direct addresses.

    The threads of a run share it. There is no lock, so that it can be pickled: a count that is late
    by one does no harm. ``given_up`` holds the last failure of each site that was given up.
    """

    def __init__(self, failures_to_open: int = 3) -> None:
        self._failures_to_open = failures_to_open
        self._n_failures: dict[str, int] = {}
        self.given_up: dict[str, str] = {}

    def require_closed(self, site: str) -> None:
        """Raise a `TransientError`, ``site_broken``, if the site was given up in this run."""
        if site in self.given_up:
            sentence = f"{site} was given up in this run: {self.given_up[site]}"
            raise TransientError(Reason.SITE_BROKEN, sentence)

    def note_failure(self, site: str, error: TransientError) -> None:
        """Count a failure of the site; others, such as a full disk, are not counted."""
        if not site or error.reason not in _FAILURES:
            return
        self._n_failures[site] = self._n_failures.get(site, 0) + 1
        if self._n_failures[site] >= self._failures_to_open:
            self.given_up.setdefault(site, str(error))

    def note_success(self, site: str) -> None:
        """Count from the beginning again."""
        self._n_failures.pop(site, None)

    def give_up(self, sites: Mapping[str, str]) -> None:
        """Add the sites that another process has given up."""
        self.given_up = {**sites, **self.given_up}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteConfig:
    """How music sites are reached; both files are only read."""

    cookies_file: str = ""  # in the format of Netscape, as browsers export them
    rate_limit_bytes_per_s: int = 0  # of one song; 0: unlimited
    archive_file: str = ""  # a download archive of yt-dlp: ``extractor id`` of songs not to fetch
    failures_to_open: int = 3  # in a row, after which a site is given up for the rest of a run

    def __post_init__(self) -> None:
        for name in ("cookies_file", "archive_file"):
            object.__setattr__(self, name, escape_text(getattr(self, name)))
        if self.rate_limit_bytes_per_s < 0:
            found = self.rate_limit_bytes_per_s
            raise ValueError(f"sites.rate_limit_bytes_per_s is {found}; use 0 or more.")
        if self.failures_to_open < 1:
            raise ValueError(f"sites.failures_to_open is {self.failures_to_open}; use 1 or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What a run knows of sites; ``circuits`` is the one part that changes."""

    config: SiteConfig = field(default_factory=SiteConfig)
    cookies: str = field(default="", repr=False)
    archive: frozenset[str] = field(default=frozenset(), repr=False)
    circuits: Circuits = field(default_factory=Circuits)


def open_access(config: SiteConfig) -> Access:
    """Read the files that the settings name."""
    return Access(
        config=config,
        cookies=_read_cookies(config.cookies_file),
        archive=_read_archive(config.archive_file),
        circuits=Circuits(config.failures_to_open),
    )


def _read_archive(archive_file: str) -> frozenset[str]:
    """Return the ids of a download archive, ``extractor id`` with the extractor in lower case."""
    ids = set()
    entries = _read_text(archive_file, "archive_file").splitlines()
    for number, entry in enumerate(entries, start=1):
        extractor, _, song_id = entry.strip().partition(" ")
        if extractor and not song_id.strip():
            place = f"{archive_file}, line {number}: {extractor[:80]!r}"
            raise UsageError(f"{place} is no id. Name a download archive of yt-dlp.")
        if extractor:
            ids.add(f"{extractor.lower()} {song_id.strip()}")
    return frozenset(ids)


def _read_text(name: str, setting: str) -> str:
    if not name:
        return ""
    try:
        return Path(path_of(name)).expanduser().read_text("utf-8-sig")
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror}. Correct sites.{setting}."
        raise UsageError(message) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8. Correct sites.{setting}.") from error


def _read_cookies(cookies_file: str) -> str:
    """Return the lines that are cookies, below the heading that readers insist on."""
    entries = _read_text(cookies_file, "cookies_file").splitlines()
    cookies = [entry for entry in entries if _COOKIE.fullmatch(entry)]
    if cookies_file and not cookies:
        message = f"{cookies_file} holds no cookies in the format of Netscape. Export them again."
        raise UsageError(message)
    return "\n".join([_COOKIES_HEADING, *cookies, ""]) if cookies else ""

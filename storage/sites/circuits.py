"""Which sites a run has given up: after some failures in a row it asks them no more."""

from collections.abc import Mapping

from genre_core.errors import TransientError
from genre_core.records import Reason

_FAILURES = (Reason.UNREACHABLE, Reason.TIMED_OUT, Reason.TRUNCATED, Reason.SITE_BROKEN)


class Circuits:
    """One circuit a site; a site is a family of pages, or the server of direct addresses.

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
        """The sites that were given up, and what the last failure was."""
        return dict(self._given_up)

    def require_closed(self, site: str) -> None:
        """Let a song pass whose site still answers.

        Raises
        ------
        TransientError
            ``site_broken`` if the site was given up in this run.
        """
        if site in self._given_up:
            sentence = f"{site} was given up in this run: {self._given_up[site]}"
            raise TransientError(Reason.SITE_BROKEN, sentence)

    def note_failure(self, site: str, error: TransientError) -> None:
        """Count a failure that the site is to blame for; a full disk, for one, is not."""
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
        """Give up what another process has given up."""
        self._given_up = {**sites, **self._given_up}

"""Which licences let others share copies of a song, and excerpts of it."""

import re

_FREE = re.compile(
    r"""(?ix) ^\W*(?:
        (?:https?://)?(?:www\.)?creativecommons\.org/(?:licenses/by|publicdomain/(?:zero|mark))\b
        | (?:creative\s+commons\W+(?:cc\W*)?|cc[\s-]*)(?:0|zero|by)(?![a-z])
        # the names that Free Music Archive and MTG-Jamendo give to CC BY …
        | (?:creative\s+commons\W+)?attribution
            (?=\W*(?:$|\d|non-?\s*com|no-?\s*deriv|share|international))
        | public\s+domain(?:\s+(?:mark|dedication))?[\s\d.]*$
        | no\s+known\s+copyright | free\s+art | licence\s+art\s+libre | lal\b
        | a?gpl\b | gnu\b | mit(?:\s+licen[cs]e)?\W*$ | apache | bsd\b | unlicense
    )"""
)
_RESERVED = re.compile(r"(?i)all rights reserved|download only|no redistribution|sampling|unknown")
_WHOLE = re.compile(r"(?i)(?<![a-z])nd(?![a-z])|no-?\s*deriv")


def may_be_shared(licence: str) -> bool:
    """Whether a licence, by its name or address, lets everybody share copies of a song.

    Creative Commons with attribution, the public domain and free licences do; what is not known, or
    not named, does not. Conditions such as attribution and "not commercially" still hold.
    """
    return bool(_FREE.search(licence)) and not _RESERVED.search(licence)


def may_be_excerpted(licence: str) -> bool:
    """Whether it lets everybody share excerpts, too: "no derivatives" allows whole copies alone."""
    return may_be_shared(licence) and not _WHOLE.search(licence)

"""Which licences let others share copies of a song."""

import re

_FREE = re.compile(
    r"""(?ix) ^\W*(?:
        (?:https?://)?(?:www\.)?creativecommons\.org/(?:licenses|publicdomain)/
        | cc0 | cc[\s-]*(?:zero|by) | creative\s+commons\b(?!\W*$)
        | attribution\b  # the names that Free Music Archive and MTG-Jamendo give to CC BY …
        | public\s+domain | no\s+known\s+copyright | free\s+art | licence\s+art\s+libre | lal\b
        | a?gpl | gnu\b | mit\b | apache | bsd\b | unlicense
    )"""
)
_RESERVED = re.compile(r"(?i)all rights reserved|download only|no redistribution")


def may_be_shared(licence: str) -> bool:
    """Whether a licence, by its name or address, lets everybody share copies of a song.

    Creative Commons in all its forms, the public domain and free licences do; what is not known, or
    not named, does not. Conditions such as attribution and "not commercially" still hold.
    """
    return bool(_FREE.search(licence)) and not _RESERVED.search(licence)

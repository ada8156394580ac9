"""The digest that names settings, snapshots and runs by all that they depend on."""

import hashlib
import json
from collections.abc import Iterable, Sequence

N_DIGITS = 16


def digest_document(document: object) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a document as canonical JSON.

    The order of the keys of a mapping does not matter; that of a list does.
    """
    text = json.dumps(document, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:N_DIGITS]


def digest_list(parts: Iterable[Sequence[object]]) -> str:
    """Return `digest_document` of a list that comes in parts, which are not kept."""
    digest, separator = hashlib.sha256(b"["), ""
    for part in filter(len, parts):
        digest.update(f"{separator}{json.dumps(part, sort_keys=True)[1:-1]}".encode())
        separator = ", "
    digest.update(b"]")
    return digest.hexdigest()[:N_DIGITS]

"""The digest that names settings, snapshots and runs by all that they depend on."""

import hashlib
import json

N_DIGITS = 16


def digest_document(document: object) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a document as canonical JSON.

    The order of the keys of a mapping does not matter; that of a list does.
    """
    text = json.dumps(document, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:N_DIGITS]

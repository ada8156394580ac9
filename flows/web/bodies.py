"""How large and how slow the body of a request may be."""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from tasks.serving import MAX_SONG_BYTES

MAX_BODY_BYTES = 1 << 20
"""Of a form or document; files have bounds of their own."""
MAX_FILES_BYTES = 1 << 30
"""Of the files that one request sends to be classified."""
BODY_S = 30.0
LEAST_RATE = 16 << 10
"""Bytes a second: a body may take `BODY_S`, and as long as it comes at this rate."""
SLOW = "The request comes too slowly."


def most_bytes(scope: Scope) -> int:
    """Return how large the body of a request may be."""
    kind = Headers(scope=scope).get("content-type", "").lower()
    if scope["path"] == "/dropped/upload":
        return MAX_SONG_BYTES
    is_files = scope["path"] == "/api/classify" and kind.startswith("multipart/form-data")
    return MAX_FILES_BYTES if is_files else MAX_BODY_BYTES


def bounded(scope: Scope, receive: Receive) -> Receive:
    """Return what receives a body, whether it declares its size or not.

    Raises `HTTPException` 413 where the body gets too large, 408 where it comes too slowly.
    """
    n_bytes, waited_s, is_there, most = 0, 0.0, False, most_bytes(scope)
    declared = Headers(scope=scope).get("content-length", "")
    too_large = HTTPException(413, f"The request is larger than {most >> 20} MiB.")

    async def receiving() -> Message:
        nonlocal n_bytes, waited_s, is_there
        if is_there:  # what comes now is that the client goes
            return await receive()
        if declared.isdecimal() and int(declared) > most:
            raise too_large
        since_s = time.monotonic()
        try:
            async with asyncio.timeout(BODY_S + n_bytes / LEAST_RATE - waited_s):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, SLOW) from error
        waited_s += time.monotonic() - since_s
        n_bytes += len(message.get("body", b""))
        is_there = not message.get("more_body", False)
        if n_bytes > most:
            raise too_large
        return message

    return receiving

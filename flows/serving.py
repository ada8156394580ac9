"""What is served: songs in, predictions out, over HTTP in the form of MLflow's scoring server.

A client is a stranger: bodies, rows and times are bounded, and whoever waits for a slow address
waits alone. `storage/models/pyfunc_model.py` looks `ServedModel` up, for MLflow's own server.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flows.settings import read_settings
from genre_core.errors import UsageError
from storage.fetch.download import DownloadLimits
from storage.models.requests import MAX_BODY_BYTES, Row, read_rows
from tasks.predict import Classifier, SongPrediction
from tasks.serving import (
    describe_row,
    limit_strangers,
    load_served,
    predict_row,
    predict_rows,
    song_of,
)

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [
    "song",
    "genre",
    "probabilities",
    "error",
    "champion",
    "confidence",
    "unknown",
    "alternatives",
]
MAX_CONNECTIONS = 128
N_WORKERS, N_FETCHERS = 8, 64
"""Songs that are read, and songs at addresses, at the same time; of all clients together."""
N_FETCHES = 4
"""Songs at addresses that one request fetches at the same time."""
MAX_BYTES_AT_ONCE = 2 * MAX_BODY_BYTES
"""Of large requests; each takes three times its size in memory."""
_SMALL_BYTES = 1 << 18  # such bodies are taken even where large ones have to wait
TOO_LARGE = f"The request is larger than {MAX_BODY_BYTES} bytes."
BODY_S, REQUEST_S = 30.0, 120.0
LATE = f"The request takes longer than {REQUEST_S:g} s. Send fewer songs."


class PredictionServer:
    """Answers requests; reading a song takes a worker, and waiting for an address a fetcher."""

    def __init__(self, classifier: Classifier, limits: DownloadLimits) -> None:
        self._classifier, self._limits = classifier, limit_strangers(limits)
        self._workers = ThreadPoolExecutor(N_WORKERS, "worker")
        self._fetchers = ThreadPoolExecutor(N_FETCHERS, "fetcher")
        self._room, self._n_bytes = asyncio.Condition(), 0

    def make_app(self) -> Starlette:
        """Return the application, with the addresses of MLflow's scoring server."""
        return Starlette(
            routes=[
                Route("/ping", _answer_ping),
                Route("/health", _answer_ping),
                Route("/version", _answer_version),
                Route("/invocations", self.answer, methods=["POST"]),
            ],
            exception_handlers={HTTPException: _answer_refusal},
        )

    async def answer(self, request: Request) -> Response:
        """Predict the songs of a request."""
        n_bytes = int(request.headers.get("content-length", MAX_BODY_BYTES))
        if n_bytes > MAX_BODY_BYTES:
            await _pass_over(request)
            raise HTTPException(413, TOO_LARGE)
        async with self._room_for(n_bytes):
            rows = await self._read_rows(
                await _read_body(request), request.headers.get("content-type", "")
            )
            predictions = await self._predict_rows(rows)
        # as ASCII: a path may hold what is no UTF-8
        return Response(json.dumps({"predictions": predictions}), media_type="application/json")

    @asynccontextmanager
    async def _room_for(self, n_bytes: int) -> AsyncIterator[None]:
        """Wait until a large request has room beside the others; small ones need none."""
        if n_bytes <= _SMALL_BYTES:
            yield
            return
        try:
            async with asyncio.timeout(BODY_S), self._room:
                await self._room.wait_for(lambda: self._n_bytes + n_bytes <= MAX_BYTES_AT_ONCE)
                self._n_bytes += n_bytes
        except TimeoutError as error:
            message = "The server is reading other large requests. Try again."
            raise HTTPException(503, message, headers={"Retry-After": "1"}) from error
        try:
            yield
        finally:
            self._n_bytes -= n_bytes
            async with self._room:
                self._room.notify_all()

    async def _read_rows(self, body: bytearray, content_type: str) -> Sequence[Row]:
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._workers, read_rows, body, content_type)
        except UsageError as error:
            raise HTTPException(400, str(error)) from error

    async def _predict_rows(self, rows: Sequence[Row]) -> list[dict[str, object]]:
        """Predict rows: those with an address beside the others, which take turns."""
        ends_s = asyncio.get_running_loop().time() + REQUEST_S
        places = {True: asyncio.Semaphore(N_FETCHES), False: asyncio.Semaphore(1)}
        return await asyncio.gather(
            *(self._predict(row, places["://" in song_of(row)], ends_s) for row in rows)
        )

    async def _predict(
        self, row: Row, place: asyncio.Semaphore, ends_s: float
    ) -> dict[str, object]:
        song, loop = song_of(row), asyncio.get_running_loop()
        pool = self._fetchers if "://" in song else self._workers
        try:
            async with asyncio.timeout_at(ends_s), place:
                return await loop.run_in_executor(
                    pool, predict_row, self._classifier, row, self._limits
                )
        except TimeoutError:
            return describe_row(self._classifier, song, SongPrediction(song=song, error=LATE))


async def _pass_over(request: Request) -> None:
    """Read a body and keep none of it: who still sends would not see the answer."""
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(BODY_S):
            async for _ in request.stream():
                pass


async def _read_body(request: Request) -> bytearray:
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise HTTPException(413, TOO_LARGE)
    except TimeoutError as error:
        raise HTTPException(408, "The request comes too slowly.") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "The request breaks off.") from error
    return body


async def _answer_ping(_request: Request) -> Response:
    return Response("\n", media_type="application/json")


async def _answer_version(_request: Request) -> Response:
    return Response(version("mlflow"), media_type="application/json")


async def _answer_refusal(_request: Request, error: Exception) -> Response:
    """Answer as MLflow's server does, without the request and without a traceback."""
    if not isinstance(error, HTTPException):
        raise error
    document = {"error_code": HTTPStatus(error.status_code).name, "message": error.detail}
    return JSONResponse(document, error.status_code, error.headers)


class ServedModel:
    """A classifier that answers in MLflow's form, one request after the other."""

    def __init__(self, classifier: Classifier, limits: DownloadLimits) -> None:
        self._classifier, self._limits, self._lock = classifier, limit_strangers(limits), Lock()

    @classmethod
    def load(cls, folder: Path) -> "ServedModel":
        """Load the model in the folder of a logged model."""
        return cls(load_served(folder), read_settings().limits)

    def predict(self, songs: "pd.DataFrame") -> "pd.DataFrame":
        """Predict a row a song: ``song``, a path or an address, or ``audio_base64``."""
        import pandas as pd

        with self._lock:
            rows = predict_rows(self._classifier, songs.to_dict("records"), self._limits)
        # as objects, or None would become a NaN, which is not JSON
        return pd.DataFrame(rows, columns=COLUMNS, dtype=object)

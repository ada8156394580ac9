"""What is served: songs in, predictions out, over HTTP in the form of MLflow's scoring server.

A client is a stranger: bodies, rows and times are bounded, and whoever waits for a slow address
waits alone. `storage/models/pyfunc_model.py` looks `ServedModel` up, for MLflow's own server.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import SpooledTemporaryFile, TemporaryDirectory
from threading import Lock
from typing import IO, TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flows.settings import read_settings
from genre_core.errors import UsageError
from storage.fetch.limits import DownloadLimits
from storage.models.requests import MAX_BODY_BYTES, read_rows
from tasks.predict import Classifier, SongPrediction
from tasks.serving import (
    GIVE_ONE,
    AskedSong,
    describe_row,
    limit_strangers,
    load_served,
    predict_rows,
    predict_song,
    unpack_row,
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
N_LARGE = 2
"""Large bodies in memory at the same time; all others wait on the disk."""
_SMALL_BYTES = 1 << 18
BODY_S, REQUEST_S = 30.0, 120.0
LATE = f"The request takes longer than {REQUEST_S:g} s. Send fewer songs."
logger = logging.getLogger(__name__)


class PredictionServer:
    """Answers requests; reading a song takes a worker, and waiting for an address a fetcher."""

    def __init__(self, classifier: Classifier, limits: DownloadLimits) -> None:
        self._classifier, self._limits = classifier, limit_strangers(limits)
        self._workers = ThreadPoolExecutor(N_WORKERS, "worker")
        self._fetchers = ThreadPoolExecutor(N_FETCHERS, "fetcher")
        self._large = asyncio.Semaphore(N_LARGE)

    def make_app(self) -> Starlette:
        """Return the application, with the addresses of MLflow's scoring server."""
        return Starlette(
            routes=[
                Route("/ping", _answer_ping),
                Route("/health", _answer_ping),
                Route("/version", _answer_version),
                Route("/invocations", self.answer, methods=["POST"]),
            ],
            exception_handlers={HTTPException: _answer_refusal, OSError: _answer_full},
        )

    async def answer(self, request: Request) -> Response:
        """Predict the songs of a request."""
        with TemporaryDirectory(prefix="genreflow-") as folder:
            with SpooledTemporaryFile(_SMALL_BYTES, dir=folder) as body:
                n_bytes = await _receive(request, body)
                kind = request.headers.get("content-type", "")
                async with self._large if n_bytes > _SMALL_BYTES else nullcontext():
                    songs = await self._unpack(body, kind, Path(folder))
            predictions = await self._predict_songs(songs)
        # as ASCII: a path may hold what is no UTF-8
        return Response(json.dumps({"predictions": predictions}), media_type="application/json")

    async def _unpack(self, body: IO[bytes], kind: str, folder: Path) -> Sequence[AskedSong]:
        def unpack() -> Sequence[AskedSong]:
            body.seek(0)
            rows = read_rows(body.read(), kind)
            return [unpack_row(row, folder, self._limits) for row in rows]

        try:
            songs = await asyncio.get_running_loop().run_in_executor(self._workers, unpack)
        except UsageError as error:
            raise HTTPException(400, str(error)) from error
        if not any(asked.is_given for asked in songs):
            raise HTTPException(422, f"The request names no song. {GIVE_ONE}")
        return songs

    async def _predict_songs(self, songs: Sequence[AskedSong]) -> list[dict[str, object]]:
        """Predict songs: those at an address beside the others, which take turns."""
        ends_s = asyncio.get_running_loop().time() + REQUEST_S
        places = {True: asyncio.Semaphore(N_FETCHES), False: asyncio.Semaphore(1)}
        return await asyncio.gather(
            *(self._predict(asked, places["://" in asked.song], ends_s) for asked in songs)
        )

    async def _predict(
        self, asked: AskedSong, place: asyncio.Semaphore, ends_s: float
    ) -> dict[str, object]:
        song, loop = asked.song, asyncio.get_running_loop()
        pool = self._fetchers if "://" in song else self._workers
        try:
            async with asyncio.timeout_at(ends_s), place:
                return await loop.run_in_executor(
                    pool, predict_song, self._classifier, asked, self._limits
                )
        except TimeoutError:
            return describe_row(self._classifier, song, SongPrediction(song=song, error=LATE))


async def _receive(request: Request, body: IO[bytes]) -> int:
    """Write what a client sends into a file, and return its size.

    One that is too large is read to its end: who still sends would not see the answer.
    """
    n_bytes = 0
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                n_bytes += len(chunk)
                if n_bytes <= MAX_BODY_BYTES:
                    body.write(chunk)
    except TimeoutError as error:
        raise HTTPException(408, "The request comes too slowly.") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "The request breaks off.") from error
    if n_bytes > MAX_BODY_BYTES:
        raise HTTPException(413, f"The request is larger than {MAX_BODY_BYTES} bytes.")
    return n_bytes


async def _answer_ping(_request: Request) -> Response:
    return Response("\n", media_type="application/json")


async def _answer_version(_request: Request) -> Response:
    try:
        return Response(version("mlflow"), media_type="application/json")
    except PackageNotFoundError as error:
        raise HTTPException(404, "MLflow, whose version this is, is not installed here.") from error


async def _answer_refusal(_request: Request, error: Exception) -> Response:
    """Answer as MLflow's server does, without the request and without a traceback."""
    if not isinstance(error, HTTPException):
        raise error
    document = {"error_code": HTTPStatus(error.status_code).name, "message": error.detail}
    return JSONResponse(document, error.status_code, error.headers)


async def _answer_full(request: Request, error: Exception) -> Response:
    logger.error("a request cannot be kept: %s", error)
    message = "The server has no room for this request; see its log."
    return await _answer_refusal(request, HTTPException(503, message))


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

        requests = cast("list[dict[str, object]]", songs.to_dict("records"))
        with self._lock:
            rows = predict_rows(self._classifier, requests, self._limits)
        # as objects, or None would become a NaN, which is not JSON
        return pd.DataFrame(rows, columns=COLUMNS, dtype=object)

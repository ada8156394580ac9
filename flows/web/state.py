"""What the pages share: the settings, the champion, and the threads that predict."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request

from flows.settings import Settings
from flows.web.commands import Commands
from flows.web.drops import Drops
from genre_core.errors import TransientError
from storage.home import DataLayout
from storage.models.champion import DOCUMENT_FILE
from tasks.champion import CurrentClassifier
from tasks.predict import Classifier, StudiedSong

N_WORKERS, N_FETCHERS, N_PLAYERS, N_ANSWERERS, N_MEASURERS = 2, 8, 2, 4, 2
"""Songs that are dropped, songs at addresses that are waited for, songs that a page decodes, parts
of pages that are computed, and waveforms that are measured, at the same time."""
N_FORMS = 2
BUSY = "A run is writing into this home; try again when it has ended."
Result = TypeVar("Result")


@dataclass(slots=True)
class WebState:
    """What every request may use; one a server."""

    config: Settings
    secret: str = ""
    """What a client of another machine must give; empty: clients of this machine alone."""
    workers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(N_WORKERS, "worker")
    )
    fetchers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(N_FETCHERS, "fetcher")
    )
    players: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(N_PLAYERS, "player")
    )
    writer: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "writer"))
    commands: Commands = field(default_factory=Commands)
    answerers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(N_ANSWERERS, "answerer")
    )
    measurers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(N_MEASURERS, "measurer")
    )
    drops: Drops = field(default_factory=Drops)
    forms: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(N_FORMS))
    """Forms with files that are received; each takes as much of the disk as its files."""
    running: set[asyncio.Task[None]] = field(default_factory=set)
    """What works on in the background; a task that nobody holds may vanish."""
    studied: dict[tuple[str, int], StudiedSong] = field(default_factory=dict)
    """Songs of the library that pages have shown last, by track and version of the champion."""
    current: CurrentClassifier = field(init=False)

    def __post_init__(self) -> None:
        self.current = CurrentClassifier(self.config.layout)

    @property
    def layout(self) -> DataLayout:
        """Where everything is."""
        return self.config.layout

    @property
    def has_model(self) -> bool:
        """Whether there is an exported champion, even where there is no store."""
        return (self.layout.champion / DOCUMENT_FILE).exists()

    def classifier(self) -> Classifier:
        """Return the champion, loaded anew once another one was promoted; `UsageError` if none."""
        return self.current.get()

    async def work(self, call: Callable[[], Result], waits: bool = False) -> Result:
        """Make a call in a thread that decodes, or in one that ``waits`` for an address."""
        pool = self.fetchers if waits else self.workers
        return await asyncio.get_running_loop().run_in_executor(pool, call)

    async def answer(self, call: Callable[[], Result]) -> Result:
        """Make a short call that a page waits for."""
        return await asyncio.get_running_loop().run_in_executor(self.answerers, call)

    async def decode(self, call: Callable[[], Result]) -> Result:
        """Make a call that decodes or predicts for a page, not behind dropped songs."""
        return await asyncio.get_running_loop().run_in_executor(self.players, call)

    def write(self, call: Callable[[], Result]) -> Result:
        """Make a call that writes into the home, after those before it: a home has one writer."""
        return self.writer.submit(call).result()

    async def measure(self, call: Callable[[], Result]) -> Result:
        """Decode a whole song, which may last hours, in a thread that no page waits for."""
        return await asyncio.get_running_loop().run_in_executor(self.measurers, call)

    def describe(self, error: Exception) -> str:
        """Return the sentence of an error for strangers: without the path of the home."""
        sentence = str(error).replace(str(self.layout.home), "the home")
        return sentence[:1].upper() + sentence[1:]

    @contextmanager
    def explaining_refusals(self) -> Iterator[None]:
        """Answer 409 where the home cannot be written to: another process holds it, or its disk."""
        try:
            yield
        except TransientError as error:
            raise HTTPException(409, self.describe(error) if error.reason else BUSY) from error

    def close(self) -> None:
        """Let the threads end, and remove what was dropped."""
        decoding = (self.workers, self.fetchers, self.players, self.measurers)
        for pool in (*decoding, self.answerers, self.writer):
            pool.shutdown(wait=False, cancel_futures=True)
        self.drops.close()


def state_of(request: Request) -> WebState:
    """Return the state of the server that answers; a dependency of FastAPI, too."""
    return request.app.state.web


State = Annotated[WebState, Depends(state_of)]
"""The state, as a parameter of a route."""

"""Read a song in an isolated subprocess if a process died on it before, so that the others live.

A song that crashes a decoder, written in C, kills the run, and would kill the next one. So a note
lies in ``songs/.suspects`` while a song is read; one that a dead process left makes it suspect.
"""

import multiprocessing
import uuid
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

from genre_core.errors import GenreflowError, TrackRejected
from genre_core.records import Reason
from storage.home import DataLayout

TIME_LIMIT_S = 600.0
_OUR_ID = uuid.uuid4().hex

P = ParamSpec("P")
R = TypeVar("R")


def read_guarded(
    layout: DataLayout, track_id: str, read: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call a function that reads a song; in an isolated subprocess if the song is suspect.

    ``read``, its arguments and its result must be picklable. If the process dies again or takes
    longer than ten minutes, the song is ``undecodable`` and the note stays.
    """
    note = layout.suspects / f"{track_id}.{_OUR_ID}.note"
    suspicions = [other for other in layout.suspects.glob(f"{track_id}.*.note") if other != note]
    if suspicions:
        result = _read_isolated(track_id, read, *args, **kwargs)
        for suspicion in suspicions:
            suspicion.unlink(missing_ok=True)
        if isinstance(result, Exception):
            raise result
        return result
    note.parent.mkdir(parents=True, exist_ok=True)
    note.touch()
    try:
        return read(*args, **kwargs)
    finally:
        note.unlink(missing_ok=True)


def _read_isolated(
    track_id: str, read: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R | Exception:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, read, args, kwargs), daemon=True)
    process.start()
    sender.close()
    try:
        if receiver.poll(TIME_LIMIT_S):
            return receiver.recv()
        failure = f"takes longer than {TIME_LIMIT_S:g} s"
    except EOFError:
        failure = "kills its process"
    finally:
        process.kill()
        process.join()
        receiver.close()
    message = f"reading song {track_id[:12]} {failure}, for the second time. Encode it again."
    raise TrackRejected(Reason.UNDECODABLE, message)


def _send(
    sender: Connection, read: Callable[P, R], args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    try:
        sender.send(read(*args, **kwargs))  # type: ignore[arg-type]  # pickled as a pair
    except GenreflowError as error:
        sender.send(error)
    except Exception as error:
        # not every error can be pickled, and none of these means that the song is bad
        sender.send(RuntimeError(f"{type(error).__name__}: {error}"))

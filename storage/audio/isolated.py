"""Read a song that a process has died on in a process of its own, so that the others live.

The libraries that decode are written in C; what kills them kills the whole run, and the same song
would kill the next one. So a note stands among the originals while a song is read. A note that a
dead process has left makes its song suspect, be it guilty or not.
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
_OURS = uuid.uuid4().hex

P = ParamSpec("P")
R = TypeVar("R")


def read_watched(
    layout: DataLayout, track_id: str, read: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call a function that reads a song; if the song is suspect, in a process of its own.

    Parameters
    ----------
    layout : DataLayout
        Where the notes stand, in ``suspects``.
    track_id : str
        Names the song.
    read : callable
        Can be named from elsewhere, as its arguments and what it gives can be copied.
    *args, **kwargs
        What it is called with.

    Raises
    ------
    TrackRejected
        ``undecodable``, if the process dies again or takes longer than ten minutes. The note stays.
    """
    note = layout.suspects / f"{track_id}.{_OURS}.note"
    suspicions = [other for other in layout.suspects.glob(f"{track_id}.*.note") if other != note]
    if suspicions:
        found = _read_apart(track_id, read, *args, **kwargs)
        for suspicion in suspicions:
            suspicion.unlink(missing_ok=True)
        return _open(found)
    note.parent.mkdir(parents=True, exist_ok=True)
    note.touch()
    try:
        return read(*args, **kwargs)
    finally:
        note.unlink(missing_ok=True)


def _open(found: R | Exception) -> R:
    if isinstance(found, Exception):
        raise found
    return found


def _read_apart(
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
        what = f"takes longer than {TIME_LIMIT_S:g} s"
    except EOFError:
        what = "ends the process that does it"
    finally:
        process.kill()
        process.join()
        receiver.close()
    message = f"reading song {track_id[:12]} {what}, twice by now. Encode it again."
    raise TrackRejected(Reason.UNDECODABLE, message)


def _send(
    sender: Connection, read: Callable[P, R], args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    try:
        sender.send(read(*args, **kwargs))  # type: ignore[arg-type]  # pickled as a pair
    except GenreflowError as error:
        sender.send(error)
    except Exception as error:
        # not every error can be pickled, and none of these says that the song is bad
        sender.send(RuntimeError(f"{type(error).__name__}: {error}"))

"""Read a song in an isolated subprocess if a process died on it before, so that the others live.

A song that crashes a decoder, written in C, kills the run, and would kill the next one. So a note
lies in ``songs/.suspects`` while a song is read; one that a dead process left makes it suspect.
"""

import multiprocessing
import resource
import uuid
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ParamSpec, TypeVar

from genre_core.errors import GenreflowError, TrackRejected, TransientError
from genre_core.records import Reason
from storage.home import DataLayout

TIME_LIMIT_S = 600.0
MEMORY_LIMIT_BYTES = 2 << 30
_OUR_ID = uuid.uuid4().hex

P = ParamSpec("P")
R = TypeVar("R")


def read_guarded(
    layout: DataLayout, track_id: str, read: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call a function that reads a song; in an isolated subprocess if the song is suspect.

    ``read``, its arguments and its result must be picklable. If the process dies again, takes
    longer than ten minutes or more than 2 GiB, the song is ``undecodable`` and the note stays.
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
        result = read(*args, **kwargs)
    except MemoryError as error:  # the note stays: the next run isolates the song
        message = f"reading song {track_id[:12]} takes more memory than there is. Try again later."
        raise TransientError(message) from error
    except BaseException:
        note.unlink(missing_ok=True)
        raise
    note.unlink(missing_ok=True)
    return result


def _read_isolated(
    track_id: str, read: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R | Exception:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, read, args, kwargs), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(TIME_LIMIT_S):
            failure = f"takes longer than {TIME_LIMIT_S:g} s"
        elif isinstance(result := receiver.recv(), MemoryError):
            failure = f"takes more than {MEMORY_LIMIT_BYTES >> 20} MiB of memory"
        else:
            return result
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
    _limit_memory()
    try:
        sender.send(read(*args, **kwargs))  # type: ignore[arg-type]  # pickled as a pair
    except GenreflowError as error:
        sender.send(error)
    except MemoryError:
        sender.send(MemoryError())
    except Exception as error:
        # not every error can be pickled, and none of these means that the song is bad
        sender.send(RuntimeError(f"{type(error).__name__}: {error}"))


def _limit_memory() -> None:
    """Limit how much more address space this process takes, where the system reports it."""
    taken = Path("/proc/self/statm")
    if taken.exists():
        n_pages = int(taken.read_text("ascii").split()[0])
        limit = n_pages * resource.getpagesize() + MEMORY_LIMIT_BYTES
        hardest = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hardest == resource.RLIM_INFINITY or limit < hardest:
            resource.setrlimit(resource.RLIMIT_AS, (limit, hardest))

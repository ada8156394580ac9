"""Where chunks are mapped: threads of this machine."""

import os
from typing import Any, cast

from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner


def local_threads() -> TaskRunner[PrefectFuture[Any]]:
    """One thread a core: decoding and the Fourier transform release the interpreter's lock."""
    threads: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=os.cpu_count() or 2)
    return cast(TaskRunner[PrefectFuture[Any]], threads)

"""What flows and tasks are made of: parts of Prefect, or the same names without Prefect.

``flows/engine.py`` chooses before this module is imported; flows and tasks do not know.
"""

import os
from typing import TYPE_CHECKING

from storage.telemetry import trace_prefect
from tasks.direct import CHOSEN

if CHOSEN not in os.environ:
    trace_prefect()  # before one of its flows makes its spans
if TYPE_CHECKING or CHOSEN not in os.environ:
    from prefect import flow, get_run_logger, task, unmapped
    from prefect.artifacts import (
        create_markdown_artifact,
        create_progress_artifact,
        create_table_artifact,
        update_progress_artifact,
    )
    from prefect.futures import PrefectFuture, as_completed
    from prefect.runtime import flow_run
else:
    from tasks.direct import (
        PrefectFuture,
        as_completed,
        create_markdown_artifact,
        create_progress_artifact,
        create_table_artifact,
        flow,
        flow_run,
        get_run_logger,
        task,
        unmapped,
        update_progress_artifact,
    )

__all__ = [
    "PrefectFuture",
    "as_completed",
    "create_markdown_artifact",
    "create_progress_artifact",
    "create_table_artifact",
    "flow",
    "flow_run",
    "get_run_logger",
    "task",
    "unmapped",
    "update_progress_artifact",
]

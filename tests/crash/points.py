"""Where a run is killed: one line a point, ``module:function:before|after:nth call``."""

import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

INGEST = (
    "storage.fetch.download:_to_track:before:5",  # the song is in its place, its part may be
    "storage.catalog.songs:record_songs:after:1",
    "storage.audio.fingerprint:fingerprint_song:after:3",
    "storage.catalog.fingerprints:record_fingerprints:after:1",
    "storage.catalog.recordings:settle_recordings:after:1",
    "storage.catalog.publish:_write_store:after:1",
)
LONG_INGEST = (  # the short form leaves these out, because each costs some seconds
    "storage.fetch.download:_digest_part:before:3",
    "storage.fetch.download:fetch_song:after:20",
    "storage.catalog.songs:record_songs:before:1",
    "storage.catalog.fingerprints:record_fingerprints:before:1",
    "storage.catalog.publish:_write_store:before:1",
    "storage.catalog.publish:publish:after:1",
)
EXTRACT = (
    "storage.audio.wav:write_wav:after:4",
    "storage.shards:write_shard:after:4",
    "storage.catalog.extraction:record_extraction:after:1",
    "storage.shards:join_shards:after:1",
    "storage.catalog.extraction:replace_shards:after:1",
    "storage.shard_store:remove_orphans:before:1",
)
LONG_EXTRACT = (
    "storage.shard_store:put_shard:after:3",
    "storage.catalog.extraction:record_extraction:before:1",
    "storage.catalog.extraction:settle_outcomes:after:1",
    "storage.catalog.publish:_update_copy:after:1",
)
TRAIN = (
    "alembic.command:upgrade:before:1",  # half of MLflow's tables are there
    "storage.catalog.runs:record_run:before:1",
    "storage.catalog.runs:record_run:after:1",
    "storage.models.registry:set_alias:before:1",
)
LONG_TRAIN = (
    "storage.models.logged:log_model:after:1",
    "storage.catalog.runs:read_predicted_splits:before:1",
    "storage.models.registry:set_alias:after:1",
    "storage.catalog.assignments:record_assignments:after:1",
    "storage.models.runs:start_training:after:1",
    "storage.models.logged:_network_signature:before:1",  # the files are there, the model is not
    "storage.models.logged:log_fitted:before:1",
    "storage.models.champion:write_export:after:1",  # beside its logged model, not in the home
    "storage.models.runs:finish_run:after:2",
    "storage.models.registry:register_model:after:1",
    "storage.catalog.promotions:record_promotion:after:1",
    "storage.catalog.publish:publish:after:4",
)


def arm(point: str) -> None:
    """Have this process killed at a point.

    Call it before the flows are imported: who has the function already gets the armed one, too.
    """
    place, name, moment, nth = point.split(":")
    module = importlib.import_module(place)
    function = getattr(module, name)
    armed = _killing(function, moment, int(nth))
    for known in [loaded for loaded in sys.modules.values() if loaded is not None]:
        for word, value in list(vars(known).items()):
            if value is function:
                setattr(known, word, armed)


def _killing(function: Callable[..., Any], moment: str, nth: int) -> Callable[..., Any]:
    counted, lock = iter(range(1, 1_000_000)), threading.Lock()

    @wraps(function)
    def call(*arguments: object, **named: object) -> object:
        with lock:
            is_due = next(counted) == nth
        if is_due and moment == "before":
            die()
        result = function(*arguments, **named)
        if is_due and moment == "after":
            die()
        return result

    return call


def die() -> None:
    """Die as a machine does that loses its power: nothing is tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)

"""Flow reproduce: train a finished run again, and compare."""

from flows.settings import Settings, read_settings
from storage.lock import hold_home
from tasks.orchestrator import flow
from tasks.studies.reproduce import Reproduction, retrain


@flow
def reproduce(run: str, config: Settings | None = None) -> Reproduction:
    """Rebuild the snapshot of a run, train it again with its seed and settings, and compare."""
    config = config or read_settings()
    with hold_home(config.layout):
        return retrain(config.layout, run)

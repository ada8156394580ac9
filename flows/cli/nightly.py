"""Command nightly: the nightly run, now."""

from typing import TYPE_CHECKING, cast

from flows.cli.app import Home, Verbose, app, prepare_config, require_home, settle_engine, show
from flows.cli.refusals import require_known_music
from genre_core.errors import TransientError
from tasks.terminal import announce

if TYPE_CHECKING:
    from flows.nightly import NightlyReport
    from flows.settings import Settings


@app.command()
def nightly(home: Home = None, verbose: Verbose = False) -> None:
    """Run the nightly run now: new songs in, training if there is a reason, a report.

    It takes the music that the settings name, else what the home was fed from before.

    Example: `genreflow nightly`
    """
    config = prepare_config(verbose, check=_require_music, maps=True, recorded=True, home=home)
    announce("Loading the pipeline")
    from flows.nightly import nightly as nightly_flow
    from storage.reports import NIGHTLY

    settle_engine(verbose)
    state = nightly_flow(config, return_state=True)
    if state.name == "Skipped":
        raise TransientError(str(state.message))
    report = cast("NightlyReport", state.result())
    parts = (report.ingested, report.extracted, report.trained)
    show(*(part.sentence for part in parts if part))
    show(f"The report is {config.layout.reports / NIGHTLY / 'latest.html'}.")


def _require_music(config: "Settings") -> None:
    """Refuse a folder that is no home, and a home that knows no music."""
    require_home(config)
    require_known_music(config, None, None)

"""Command night: the nightly run, now."""

from datetime import datetime
from typing import TYPE_CHECKING, cast

from flows.cli.app import Home, Verbose, app, prepare_config, require_home, settle_engine, show
from flows.cli.refusals import require_known_music
from genre_core.errors import TransientError
from storage.schedule.plan import BEGUN, is_scheduled
from tasks.terminal import announce

if TYPE_CHECKING:
    from flows.nightly import NightlyReport
    from flows.settings import Settings


@app.command("nightly", hidden=True)
@app.command()
def night(home: Home = None, verbose: Verbose = False) -> None:
    """Run the nightly run now: new songs in, training if there is a reason, a report.

    It takes the music that the settings name, else what the home was fed from before.

    Example: `genreflow night`
    """
    if is_scheduled():
        show(f"{BEGUN}: {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}")
    config = prepare_config(verbose, check=require_night, maps=True, recorded=True, home=home)
    announce("Loading the pipeline")
    from flows.nightly import nightly as nightly_flow
    from storage.reports import NIGHTLY

    settle_engine(verbose)
    state = nightly_flow(config, return_state=True)
    if state.name == "Skipped":
        if not is_scheduled():
            raise TransientError(str(state.message))
        show(str(state.message))
        return
    report = cast("NightlyReport", state.result())
    parts = (report.ingested, report.extracted, report.trained)
    show(*(part.sentence for part in parts if part))
    show(f"The report is {config.layout.reports / NIGHTLY / 'latest.html'}.")


def require_night(config: "Settings") -> None:
    """Refuse a folder that is no home, and a home that knows no music."""
    require_home(config)
    require_known_music(config, None, None)

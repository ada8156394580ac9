"""Command schedule: the nightly run in a schedule of systemd, cron or Prefect."""

import getpass
import os
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.app import FAILURE, AsJson, Home, app, print_json, show
from flows.cli.night import require_night
from flows.prefect_server import find_home_server
from flows.schedule import (
    Engine,
    Schedule,
    as_facts,
    choose_engine,
    find_schedules,
    is_temporary,
    plan_night,
    require_account,
)
from flows.settings import Settings, read_settings
from genre_core.errors import GenreflowError, UsageError
from storage.extras import require_extra
from storage.files import require_space
from storage.schedule import cron, systemd
from storage.schedule.plan import Plan, read_secrets, read_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.home import DataLayout

ENGINES = {"systemd": "a timer of systemd", "cron": "cron", "prefect": "Prefect"}


@app.command()
def schedule(
    at: Annotated[
        str, typer.Option("--at", help="Time of day, in the time zone of this machine: 03:00.")
    ] = "",
    engine: Annotated[
        Engine | None,
        typer.Option(
            "--engine",
            help="What starts the runs. Default: systemd where it runs, else cron, else Prefect.",
        ),
    ] = None,
    shown: Annotated[
        bool, typer.Option("--show", help="Show engine, next run, last run and log.")
    ] = False,
    removed: Annotated[
        bool, typer.Option("--remove", help="Remove the schedule; a run at work is not stopped.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Run the nightly run every night, or show or remove its schedule.

    Called again, it moves the schedule: a home has one. Settings and variables `GENREFLOW_…` are
    those of the folder and the terminal of this call. `--show` exits with 1 if no run would start.

    Example: `genreflow schedule --at 03:00`
    """
    if sum((bool(at), shown, removed)) != 1:
        raise UsageError("Give one of --at TIME (such as --at 03:00), --show and --remove.")
    if engine and not at:
        raise UsageError("--engine goes with --at.")
    config = read_settings(home=home)
    if at:
        _schedule(config, at, engine)
    elif removed:
        _remove(config.layout)
        return
    show_schedule(config.layout, as_json=as_json)


def _schedule(config: Settings, at: str, engine: Engine | None) -> None:
    """Schedule the runs of a home with an engine, and take them from the others."""
    require_extra("nightly", "A nightly run")
    moment = read_time(at)
    require_night(config)
    require_space(config.layout)
    plan = plan_night(config.layout, moment)
    chosen = engine or choose_engine()
    _INSTALL[chosen](config, plan)
    for other, release in _REMOVE.items():
        if other != chosen and release(config.layout):
            show(f"The schedule of {ENGINES[other]} is removed.")
    zone = datetime.now().astimezone().tzname()
    show(f"The nightly run starts every day at {moment:%H:%M} {zone}, by {ENGINES[chosen]}.")
    if is_temporary(plan.program):
        show(
            f"{plan.program} is in a cache and may be removed, which ends the schedule. "
            "Install genreflow (uv tool install, pipx install), and schedule it again."
        )


def _install_systemd(_config: Settings, plan: Plan) -> None:
    if not systemd.is_reachable():
        raise UsageError(
            "No manager of systemd answers for this user (`systemctl --user status`). Log in on "
            "the machine itself, or use --engine cron or --engine prefect."
        )
    systemd.install(plan)
    if not systemd.lingers():
        show(
            "Units of a user run only while that user is logged in. To run them always: sudo "
            f"loginctl enable-linger {getpass.getuser()}"
        )


def _install_cron(_config: Settings, plan: Plan) -> None:
    cron.install(plan)


def _install_prefect(config: Settings, plan: Plan) -> None:
    from flows.environment import set_environment

    set_environment(config.layout.home)
    os.environ.update(read_secrets(config.layout.schedule_secrets))
    from flows import deployments

    layout = config.layout
    require_account(layout)
    is_kept = deployments.is_kept(layout.home)
    if not is_kept and (api := deployments.find_worked(layout)):
        deployments.set_schedule(layout, api, plan.at)
        show("The worker that is there, of `genreflow ui --worker`, takes the new time.")
        return
    deployments.stop_kept(layout)
    if find_home_server(layout):
        raise UsageError("`genreflow ui` runs on this home. Stop it, then try again.")
    kept_by = deployments.start_kept(plan)
    api = deployments.await_kept(layout)
    deployments.set_schedule(layout, api, plan.at)
    show(f"Server, work pool, deployments and worker are up: {api.removesuffix('/api')}/dashboard")
    _show_keeper(kept_by)


def _show_keeper(kept_by: str) -> None:
    """Show what starts server and worker again, and after what nothing does."""
    if not kept_by:
        show(
            "They outlive this terminal, but no reboot: neither systemd nor cron could be found. "
            "Run this command again after one."
        )
    elif kept_by == "systemd" and not systemd.lingers():
        show(
            "They start with your login. To start them with the machine: sudo loginctl "
            f"enable-linger {getpass.getuser()}"
        )


def _remove_prefect(layout: "DataLayout") -> bool:
    """Stop what keeps Prefect up for a home; a server that others have started stays as it is."""
    from flows.environment import set_environment

    set_environment(layout.home)
    from flows import deployments

    return deployments.stop_kept(layout)


_INSTALL: "dict[Engine, Callable[[Settings, Plan], None]]" = {
    "systemd": _install_systemd,
    "cron": _install_cron,
    "prefect": _install_prefect,
}
_REMOVE: "dict[Engine, Callable[[DataLayout], bool]]" = {
    "systemd": lambda layout: systemd.remove(layout.home),
    "prefect": _remove_prefect,
    # a line of Prefect stands between the same marks
    "cron": lambda layout: bool(cron.find(layout.home)) and cron.remove(layout.home),
}


def _remove(layout: "DataLayout") -> None:
    """Remove every schedule of a home that genreflow made."""
    ended = [engine for engine, release in _REMOVE.items() if release(layout)]
    for engine in ended:
        show(f"The schedule of {ENGINES[engine]} is removed.")
    if not ended:
        show(f"No nightly run of {layout.home} was scheduled by `genreflow schedule`.")
    left = [layout.schedule_secrets, *systemd.edits(layout.home)]
    show(*(f"{place} is yours and stays." for place in left if place.exists()))


def show_schedule(layout: "DataLayout", *, as_json: bool) -> None:
    """Show what starts the nightly runs of a home, the next one, the last one, and the log."""
    found, last = find_schedules(layout), _read_last(layout)
    if as_json:
        facts = {"schedules": [as_facts(one) for one in found], "last_run": last}
        print_json({**facts, "log": layout.schedule_log})
    else:
        for one in found:
            show(*_describe(one))
        show(f"Last run:  {_describe_last(last)}")
        show(f"Log:       {layout.schedule_log}")
    if not found:
        raise GenreflowError(
            f"No nightly run of {layout.home} is scheduled. Schedule it: genreflow schedule --at "
            "03:00"
        )
    if all(one.fault for one in found):
        raise typer.Exit(FAILURE)


def _describe(found: Schedule) -> tuple[str, ...]:
    due_at = f"{found.due_at:%A, %-d %B %Y, %H:%M %Z}" if found.due_at else "unknown"
    lines = (f"Engine:    {ENGINES[found.engine]} ({found.where})", f"Next run:  {due_at}")
    return (*lines, f"Fault:     {found.fault}") if found.fault else lines


def _read_last(layout: "DataLayout") -> dict[str, object] | None:
    """Return the last nightly run, as far as it is published; None before the first."""
    if not layout.published.exists():
        return None
    from storage.catalog.nightly import read_published_nights

    nights = read_published_nights(layout, 1)
    names = ("night_id", "who", "started_at", "ended_at", "outcome", "message")
    return {name: getattr(nights[0], name) for name in names} if nights else None


def _describe_last(last: "dict[str, object] | None") -> str:
    if last is None:
        return "none yet"
    message = f". {last['message']}" if last["message"] else ""
    return f"{last['night_id']}, {last['outcome']}, started by {last['who']}{message}"

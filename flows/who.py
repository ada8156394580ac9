"""Who asks for a flow: the schedule, or a person."""

import getpass

SCHEDULE = "schedule"


def who_asks() -> str:
    """Return ``schedule`` if the outermost flow was started by its schedule, or a login name."""
    from prefect.client.orchestration import get_client
    from prefect.runtime import flow_run

    if root_id := flow_run.root_flow_run_id:
        with get_client(sync_client=True) as client:
            if client.read_flow_run(root_id).auto_scheduled:
                return SCHEDULE
    return login()


def login() -> str:
    """Return the login name of the person."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"

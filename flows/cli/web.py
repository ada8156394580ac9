"""Command web: the page to listen, review labels and compare models on."""

from typing import Annotated

import typer

from flows.cli.app import Home, app, require_store, show
from flows.cli.serve import listen_on
from flows.environment import set_environment
from flows.settings import read_settings
from genre_core.errors import UsageError
from tasks.logs import is_json

LONGEST_ANSWER_S = 5
MAX_CONNECTIONS = 128


@app.command()
def web(
    home: Home = None,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; another than this machine's needs a password."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page.")] = 8000,
    password: Annotated[
        str,
        typer.Option(
            envvar="GENREFLOW_WEB_PASSWORD",
            help="What users of other machines must give; better in the environment than here.",
        ),
    ] = "",
) -> None:
    """Serve the page: drop songs, review labels, see models and nights; Ctrl-C stops it.

    Example: `genreflow web --port 8080`
    """
    from flows.web.safety import LOOPBACK

    config = read_settings(home=home)
    if not config.layout.champion.exists():
        require_store(config.layout)
    if host not in LOOPBACK and not password:
        raise UsageError(
            f"Whoever reaches {host} could change labels. Set GENREFLOW_WEB_PASSWORD, or leave "
            "out --host."
        )
    set_environment(config.layout.home)
    with listen_on(host, port) as listener:
        address = f"http://{host}:{listener.getsockname()[1]}"
        show(f"genreflow is at {address}", "Ctrl-C stops it.")
        import uvicorn
        from uvicorn.config import LOGGING_CONFIG

        from flows.web.app import make_app
        from flows.web.connections import Connection

        uvicorn.Server(
            uvicorn.Config(
                make_app(config, (*LOOPBACK, host), password),
                http=Connection,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_graceful_shutdown=LONGEST_ANSWER_S,
                log_level="warning",
                log_config=None if is_json() else LOGGING_CONFIG,
            )
        ).run([listener])

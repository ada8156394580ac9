"""How MLflow's own server is started over our store."""

import os
import sys
from pathlib import Path

from storage.layout import DataLayout
from storage.tracking.alias import CHAMPION, REGISTERED
from storage.tracking.places import find_place


def server_command(layout: DataLayout, port: int) -> list[str]:
    """Give the command that serves the runs of the home on 127.0.0.1; imports no MLflow."""
    return [
        *(sys.executable, "-m", "mlflow", "server"),
        *("--backend-store-uri", f"sqlite:///{layout.mlflow_db.resolve()}"),
        *("--default-artifact-root", layout.mlflow_artifacts.resolve().as_uri()),
        *("--no-serve-artifacts", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]


def champion_command(port: int) -> list[str]:
    """Give the command that serves the champion's verdicts on 127.0.0.1."""
    return [
        *(sys.executable, "-m", "mlflow", "models", "serve"),
        *("--model-uri", f"models:/{REGISTERED}@{CHAMPION}"),
        *("--host", "127.0.0.1", "--port", str(port), "--env-manager", "local"),
    ]


def champion_settings(layout: DataLayout, path: str) -> dict[str, str]:
    """Give the environment of that command; ``path`` is where programs are looked for now.

    MLflow starts uvicorn by its name, which stands beside this Python.
    """
    programs = str(Path(sys.executable).parent)
    return {
        "GENREFLOW_HOME": str(layout.home.resolve()),
        "GENREFLOW_TRACKING": layout.tracking_server,
        "MLFLOW_TRACKING_URI": find_place(layout).uri,
        "PATH": os.pathsep.join([programs, path]) if path else programs,
    }

"""How MLflow's own server is started over our store."""

import sys

from storage.layout import DataLayout
from storage.tracking.alias import CHAMPION, REGISTERED


def server_command(layout: DataLayout, port: int) -> list[str]:
    """Give the command that serves the runs on 127.0.0.1; imports nothing of MLflow."""
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


def champion_settings(layout: DataLayout) -> dict[str, str]:
    """Give the environment variable by which MLflow finds the registry of a home."""
    return {"MLFLOW_TRACKING_URI": f"sqlite:///{layout.mlflow_db.resolve()}"}

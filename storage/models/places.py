"""Where the runs and models of a home are: in the home, or on a team's tracking server."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from genre_core.errors import UsageError
from storage.home import DataLayout
from storage.models.champion import Champion
from storage.models.home_runs import HomeRuns
from storage.models.server_runs import ServerRuns

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment


class RunsPlace(Protocol):
    """What both places of runs can do; none of it but ``guard`` needs MLflow."""

    @property
    def uri(self) -> str:
        """The address of the runs, as MLflow's own commands take it."""

    @property
    def artifacts(self) -> str | None:
        """Where a new experiment keeps its files; none where the place decides that."""

    @property
    def marks(self) -> Mapping[str, str]:
        """Tags of the experiment that say whose it is."""

    @property
    def is_there(self) -> bool:
        """Tell, without asking anybody, whether there may be runs already."""

    def read_alias(self) -> Champion | None:
        """Give the network in use."""

    def make_ready(self) -> None:
        """See to it that MLflow can work there, or say why it cannot."""

    def guard(self, client: "MlflowClient") -> "MlflowClient":
        """Give a client whose failures are told in sentences."""

    def settle(self, experiment: "Experiment") -> None:
        """Do what an experiment that was opened calls for."""


def find_place(layout: DataLayout) -> RunsPlace:
    """Give the place of the runs, which a home keeps for ever.

    Raises
    ------
    UsageError
        If the setting ``tracking`` and the home do not agree.
    """
    if layout.tracking_server:
        return _find_server(layout)
    if layout.tracking_note.exists():
        raise UsageError(
            f"The runs of {layout.home} are on the tracking server "
            f"{layout.tracking_note.read_text('utf-8')}. Set `tracking` to its address, in "
            "genreflow.toml or as GENREFLOW_TRACKING."
        )
    return HomeRuns(layout)


def _find_server(layout: DataLayout) -> ServerRuns:
    if layout.mlflow_db.exists() and not layout.tracking_note.exists():
        raise UsageError(
            f"The runs of {layout.home} are in its own {layout.mlflow_db.name}, and cannot be "
            f"moved to {layout.tracking_server}. Remove the setting `tracking`, or begin a new "
            "home with it."
        )
    return ServerRuns(layout)

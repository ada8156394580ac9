"""What MLflow runs to serve a logged model; a copy of this file is logged with every model.

It hands the work to `flows.serving`, which is looked up by name: storage imports no flow.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel, PythonModelContext


class SongClassifier(PythonModel):
    """Predicts the genre of each song in a table."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the model from the folder that it was logged to."""
        folder = Path(context.artifacts["description"]).parents[1]
        self._served = import_module("flows.serving").ServedModel.load(folder)

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Return a row of predictions for each row ``song`` or ``audio_base64``."""
        return self._served.predict(model_input)


mlflow.models.set_model(SongClassifier())

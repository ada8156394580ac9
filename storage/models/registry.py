"""The registered models: one version for each run that was promoted or challenged, and aliases."""

import io
from collections.abc import Mapping
from contextlib import redirect_stderr

import mlflow
from mlflow.entities.model_registry import ModelVersion

from storage.models.champion import Champion
from storage.models.store import Tracking, reporting

MOST_CHARACTERS = 5_000
"""MLflow's limit for the text of a version."""
_REST = "\n\nThe whole card is the artifact export/model-card.md of the model."
MODEL_URI_TAG = "model_uri"  # a version does not name its logged model everywhere


def register_model(tracking: Tracking, model_uri: str, tags: Mapping[str, str]) -> int:
    """Register a logged model and return its version, the same one for the same model."""
    known = f"name = '{tracking.registered}' and tags.{MODEL_URI_TAG} = '{model_uri}'"
    if found := tracking.client.search_model_versions(known):
        return int(found[0].version)
    with reporting(tracking.uri), redirect_stderr(io.StringIO()):  # it announces the version
        created = mlflow.register_model(
            model_uri,
            tracking.registered,
            await_registration_for=0,  # it is there at once
            tags={**tags, MODEL_URI_TAG: model_uri},
        )
    return int(created.version)


def describe_version(tracking: Tracking, version: int, text: str) -> None:
    """Replace the text (Markdown) on the page of a registered version.

    Of one that is too long, the first lines stay, and where the whole card is.
    """
    if len(text) > MOST_CHARACTERS:
        text = text[: MOST_CHARACTERS - len(_REST)].rpartition("\n")[0] + _REST
    tracking.client.update_model_version(tracking.registered, str(version), text)


def set_alias(tracking: Tracking, alias: str, version: int | None) -> None:
    """Point an alias to a registered version, or remove it."""
    if version is None:
        tracking.client.delete_registered_model_alias(tracking.registered, alias)
    else:
        tracking.client.set_registered_model_alias(tracking.registered, alias, str(version))


def find_alias(tracking: Tracking, alias: str) -> Champion | None:
    """Return the version of the alias ``champion``, ``challenger`` or ``previous``, if it is set.

    ``model_uri`` is empty if the version was registered by something else.
    """
    models = tracking.client.search_registered_models(f"name = '{tracking.registered}'")
    if not models or alias not in models[0].aliases:
        return None
    return _champion(tracking.client.get_model_version_by_alias(tracking.registered, alias))


def find_version(tracking: Tracking, version: int) -> Champion | None:
    """Return a registered version by its number; None if there is none."""
    found = tracking.client.search_model_versions(f"name = '{tracking.registered}'")
    return next((_champion(one) for one in found if int(one.version) == version), None)


def _champion(found: ModelVersion) -> Champion:
    return Champion(
        version=int(found.version),
        run_id=str(found.run_id),
        model_uri=found.tags.get(MODEL_URI_TAG, ""),
    )

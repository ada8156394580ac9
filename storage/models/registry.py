"""The registered networks, and the champion among them."""

import json
from collections.abc import Mapping

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

from storage.models.alias import CHAMPION, MODEL_URI_TAG, REGISTERED, Champion
from storage.models.store import Tracking


def register_run(
    tracking: Tracking,
    run_id: str,
    model_uri: str,
    tags: Mapping[str, str],
) -> int:
    """Register the network of a run; give its version, the same one for the same network."""
    if (known := _version_of(tracking, model_uri)) is not None:
        return known
    model = tracking.client.get_logged_model(model_uri.removeprefix("models:/"))
    _create_registered(tracking)
    created = tracking.client.create_model_version(
        REGISTERED,
        model.artifact_location,
        run_id=run_id,
        model_id=model.model_id,  # without it a server takes no files of its own
        tags={**tags, MODEL_URI_TAG: model_uri},
        await_creation_for=0,  # it is there at once
    )
    links = json.dumps([{"name": REGISTERED, "version": created.version}])
    tracking.client.set_logged_model_tags(model.model_id, {"mlflow.modelVersions": links})
    return int(created.version)


def describe_version(tracking: Tracking, version: int, text: str) -> None:
    """Let the page of a registered version say a text (Markdown), instead of what it said."""
    tracking.client.update_model_version(REGISTERED, str(version), text)


def set_champion(tracking: Tracking, version: int) -> None:
    """Put a registered version in use."""
    set_alias(tracking, CHAMPION, version)


def set_alias(tracking: Tracking, alias: str, version: int | None) -> None:
    """Give a registered version a name, or take the name from all."""
    if version is None:
        tracking.client.delete_registered_model_alias(REGISTERED, alias)
    else:
        tracking.client.set_registered_model_alias(REGISTERED, alias, str(version))


def champion(tracking: Tracking) -> Champion | None:
    """The network in use; none before the first promotion."""
    return find_alias(tracking, CHAMPION)


def find_alias(tracking: Tracking, alias: str) -> Champion | None:
    """The network that bears a name: ``champion``, ``challenger`` or ``previous``; or none."""
    models = tracking.client.search_registered_models(f"name = '{REGISTERED}'")
    if not models or alias not in models[0].aliases:
        return None
    return _champion(tracking.client.get_model_version_by_alias(REGISTERED, alias))


def find_version(tracking: Tracking, version: int) -> Champion | None:
    """Return a registered version by its number; None if there is none."""
    found = tracking.client.search_model_versions(f"name = '{REGISTERED}'")
    return next((_champion(one) for one in found if int(one.version) == version), None)


def _champion(found: ModelVersion) -> Champion:
    """The registered version as a record."""
    return Champion(
        version=int(found.version),
        run_id=str(found.run_id),
        model_uri=found.tags[MODEL_URI_TAG],
    )


def _version_of(tracking: Tracking, model_uri: str) -> int | None:
    """The version under which a network is registered already."""
    filter_string = f"name = '{REGISTERED}' and tags.{MODEL_URI_TAG} = '{model_uri}'"
    found = tracking.client.search_model_versions(filter_string)
    return int(found[0].version) if found else None


def _create_registered(tracking: Tracking) -> None:
    """Create the registered model, unless it is there."""
    try:
        tracking.client.create_registered_model(REGISTERED, description="Music genre classifiers.")
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise

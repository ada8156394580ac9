"""Settings, read once at the edge: genreflow.toml, the environment, the command line."""

import tomllib
from dataclasses import fields
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from flows.engine import RunnerConfig
from flows.pipeline import DEFAULT_REPRESENTATIONS, LineConfig
from genre_core.audit.rules import AuditConfig
from genre_core.dataset.golden import GoldenConfig
from genre_core.errors import UsageError
from genre_core.evaluation.certainty import PredictionConfig
from genre_core.networks.registry import COMPARED_NETWORKS
from genre_core.promotion import PromotionConfig
from genre_core.signal.fragments import FragmentConfig
from genre_core.training.rules import NightConfig, TrainingConfig
from storage.embeddings.config import EmbeddingConfig
from storage.fetch.download import DownloadLimits
from storage.fetch.sites.access import SiteConfig
from storage.keep import KeepConfig
from storage.sources.published import FMA_URL

SETTINGS_FILE = "genreflow.toml"


class Settings(BaseSettings):
    """All settings; ``GENREFLOW_HOME`` or ``GENREFLOW_FRAGMENTS__MARGIN_S`` in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="GENREFLOW_",
        env_nested_delimiter="__",
        toml_file=SETTINGS_FILE,
        extra="forbid",
        frozen=True,
    )

    home: Path = Path("data")
    shards: str = ""
    tracking: str = ""
    music: str = ""
    unlabelled: bool = False
    genres: tuple[str, ...] = ()
    genre_map: dict[str, str] = Field(default_factory=dict)
    fma_url: str = FMA_URL
    representations: tuple[str, ...] = DEFAULT_REPRESENTATIONS
    n_windows: int = 6
    embeddings: dict[str, EmbeddingConfig] = Field(default_factory=dict)
    tag_prior: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    fragment_lengths_s: tuple[float, ...] = (3.0,)
    fragments: FragmentConfig = Field(default_factory=FragmentConfig)
    networks: tuple[str, ...] = COMPARED_NETWORKS
    seeds: tuple[int, ...] = (0,)
    split_seed: int = 0
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    limits: DownloadLimits = Field(default_factory=DownloadLimits)
    sites: SiteConfig = Field(default_factory=SiteConfig)
    audit: AuditConfig = Field(default_factory=AuditConfig)
    golden: GoldenConfig = Field(default_factory=GoldenConfig)
    promotion: PromotionConfig = Field(default_factory=PromotionConfig)
    prediction: PredictionConfig = Field(default_factory=PredictionConfig)
    runner: RunnerConfig = Field(default_factory=RunnerConfig)
    notify: str = ""
    night: NightConfig = Field(default_factory=NightConfig)
    keep: KeepConfig = Field(default_factory=KeepConfig)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the command line before the environment, and that before the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def read_line_config(**overrides: object) -> LineConfig:
    """Read the settings; what the command line gives (not None, not empty) is the strongest.

    Raises
    ------
    UsageError
        If a setting is unknown, cannot be read or makes no sense.
    """
    given = {name: value for name, value in overrides.items() if value not in (None, (), [], "")}
    try:
        settings = Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise UsageError(_explain(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{SETTINGS_FILE} cannot be read: {error}. Correct it.") from error
    except SettingsError as error:
        raise UsageError(
            f"{error}. In the environment, lists are written as JSON: "
            """GENREFLOW_GENRES='["jazz", "rock"]'."""
        ) from error
    return LineConfig(**{f.name: getattr(settings, f.name) for f in fields(LineConfig)})


def _explain(error: ValidationError) -> str:
    faults = [
        f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg'].rstrip('.')}"
        for fault in error.errors()
    ]
    return (
        f"The settings ({SETTINGS_FILE}, GENREFLOW_… or options) do not fit: {'; '.join(faults)}."
    )

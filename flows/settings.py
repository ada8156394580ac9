"""The settings: genreflow.toml, GENREFLOW_… in the environment, options of the command line."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, get_type_hints

from pydantic import Field, ValidationError, create_model
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from flows.engine import RunnerConfig
from flows.setting_faults import JOINED, PREFIX, WrongSetting, read_written
from genre_core.audit.rules import AuditConfig
from genre_core.dataset.golden import GoldenConfig
from genre_core.dataset.labels import LabelsFrom
from genre_core.errors import UsageError
from genre_core.evaluation.certainty import PredictionConfig
from genre_core.locations import is_unicode, path_of
from genre_core.networks.registry import COMPARED_NETWORKS, NETWORK_NAMES, reads
from genre_core.promotion import PromotionConfig
from genre_core.records import SnapshotChoice
from genre_core.representations import registry
from genre_core.representations.features import (
    FeatureConfig,
    embedding_features,
    features_of_lengths,
)
from genre_core.signal.fragments import FragmentConfig
from genre_core.training.rules import NightConfig, TrainingConfig
from storage.embeddings.config import BUILT_IN, EmbeddingConfig, require_own_names
from storage.embeddings.embedder import Model
from storage.embeddings.registry import find_model
from storage.fetch.limits import DownloadLimits
from storage.fetch.sites.access import SiteConfig
from storage.home import DataLayout
from storage.maintenance import RetentionConfig
from storage.models.server import require_server
from storage.sources.identity import location_given
from storage.sources.listing import KnownMusic, known_music, name_music
from storage.sources.published import FMA_URL

SETTINGS_FILE = "genreflow.toml"
DEFAULT_REPRESENTATIONS = ("musicnn", "thesis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting; `docs/generator/meanings.toml` explains each."""

    home: Path = Path("data")
    shards: str = ""
    tracking: str = ""
    music: str = ""
    unlabelled: bool = False
    label_from: str = ""
    genres: tuple[str, ...] = ()
    genre_map: Mapping[str, str] = field(default_factory=dict)
    fma_url: str = FMA_URL
    representations: tuple[str, ...] = DEFAULT_REPRESENTATIONS
    wav_cache_gb: float = 5.0
    n_windows: int = 6
    embeddings: Mapping[str, EmbeddingConfig] = field(default_factory=dict)
    tag_prior: Mapping[str, Sequence[str]] = field(default_factory=dict)
    fragment_lengths_s: tuple[float, ...] = (3.0,)
    fragments: FragmentConfig = field(default_factory=FragmentConfig)
    networks: tuple[str, ...] = COMPARED_NETWORKS
    seeds: tuple[int, ...] = (0,)
    split_seed: int = 0
    training: TrainingConfig = field(default_factory=TrainingConfig)
    limits: DownloadLimits = field(default_factory=DownloadLimits)
    sites: SiteConfig = field(default_factory=SiteConfig)
    audit: AuditConfig = field(default_factory=AuditConfig)
    golden: GoldenConfig = field(default_factory=GoldenConfig)
    promotion: PromotionConfig = field(default_factory=PromotionConfig)
    prediction: PredictionConfig = field(default_factory=PredictionConfig)
    runner: RunnerConfig = field(default_factory=RunnerConfig)
    device: str = "cpu"
    notify: str = ""
    night: NightConfig = field(default_factory=NightConfig)
    keep: RetentionConfig = field(default_factory=RetentionConfig)

    def __post_init__(self) -> None:
        for name in ("genres", "representations", "fragment_lengths_s", "networks", "seeds"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        object.__setattr__(self, "music", location_given(self.music))
        _require_networks(self)
        if self.device not in ("cpu", "auto"):
            raise WrongSetting("device", f"`device` is {self.device!r}; use cpu or auto.")
        _require_numbers(self)
        if self.label_from not in ("", *LabelsFrom):
            raise WrongSetting(
                "label_from",
                f"`label_from` is {self.label_from!r}; use {', '.join(LabelsFrom)}, or nothing: "
                "as the library is laid out.",
            )
        if any(not name.strip() for pair in self.genre_map.items() for name in pair):
            raise WrongSetting(
                "genre_map", "A label or a genre in `genre_map` is empty. Fill it, or remove it."
            )
        if self.notify and self.notify.count("/") != 1:
            raise WrongSetting(
                "notify",
                f"`notify` is {self.notify!r}; name a block of Prefect as <type>/<name>, such as "
                "slack-webhook/my-block. `prefect block ls` lists them.",
            )
        with _about("embeddings"):
            require_own_names(self.embeddings)
        with _about("tracking"):
            require_server(self.tracking)
        _require_representations(self)

    @property
    def layout(self) -> DataLayout:
        """Where everything is."""
        home = Path(self.home).expanduser().resolve()
        if not is_unicode(str(home)):
            raise UsageError(f"The name of {home} is not UTF-8. Use another --home.")
        return DataLayout(home, self.shards, self.tracking.rstrip("/"))

    @property
    def of_thesis(self) -> "Settings":
        """The same settings under the protocol of the thesis, which the studies use."""
        return replace(self, fragments=replace(self.fragments, protocol="thesis"))

    @property
    def known_features(self) -> list[FeatureConfig]:
        """The features, as far as they can be named: none if the model of an embedding is bad."""
        try:
            return self.features
        except UsageError:
            return []  # extract, which needs it, says so

    @property
    def wav_cache_bytes(self) -> int:
        """Most that the WAV cache may hold, in bytes."""
        return round(self.wav_cache_gb * 10**9)

    @property
    def features(self) -> list[FeatureConfig]:
        """One feature setting per embedding, and one per representation and fragment length.

        What none of the networks reads is left out. Raises UsageError if the model of an embedding
        is missing or cannot be used.
        """
        names = [name for name in self.read_representations if self.embeds(name)]
        models = [find_model(name, self.embeddings) for name in names]
        embeddings = [embedding_features(model.embedding, self.n_windows) for model in models]
        return [*embeddings, *self.spectrogram_features]

    @property
    def spectrogram_features(self) -> list[FeatureConfig]:
        """The feature settings of spectrograms; fragments start at the same places in all."""
        names = [name for name in self.read_representations if not self.embeds(name)]
        lengths_s = self.fragment_lengths_s
        crossed = [features_of_lengths(name, lengths_s, self.fragments) for name in names]
        return list(chain.from_iterable(crossed))

    @property
    def read_representations(self) -> tuple[str, ...]:
        """The representations that at least one of the networks reads."""
        return tuple(
            name
            for name in self.representations
            if any(reads(network, is_embedding=self.embeds(name)) for network in self.networks)
        )

    def embedder(self, features: FeatureConfig) -> Model | None:
        """Return the model of an embedding; None for spectrograms."""
        return find_model(features.representation, self.embeddings) if features.embedding else None

    def embeds(self, representation: str) -> bool:
        """Whether a representation is an embedding."""
        return representation in BUILT_IN or representation in self.embeddings

    def snapshot_choice(self, snapshot_id: str = "") -> SnapshotChoice:
        """Return which snapshot to work on: the one named, else the newest of this library."""
        names = self.read_representations
        return SnapshotChoice(
            snapshot_id=snapshot_id,
            genres=self.genres,
            spectrograms=tuple(name for name in names if not self.embeds(name)),
            embeddings=tuple(name for name in names if self.embeds(name)),
            fragment_lengths_s=self.fragment_lengths_s,
        )

    def libraries(self) -> list["Settings"]:
        """Return these settings; without music, the same with each library that the home knows.

        Labels come from where they came from before, unless these settings name another place;
        those of songs that were added one by one always from their manifest.
        A library that is gone is left out. Raises UsageError if none is named and none is there.
        """
        known = known_music(self.layout)
        if self.music:
            before = known.get(name_music(self.music), KnownMusic())
            return [replace(self, label_from=self._labels_of(self.music, before))]
        there = {name: how for name, how in known.items() if Path(path_of(name)).exists()} or known
        if not there:
            raise UsageError(
                "No music is named. Give a folder with one folder a genre, or a manifest: "
                "as an argument, or as `music` in genreflow.toml."
            )
        return [
            replace(
                self,
                music=name,
                unlabelled=how.unlabelled,
                label_from=self._labels_of(name, how),
            )
            for name, how in there.items()
        ]

    def _labels_of(self, music: str, before: KnownMusic) -> str:
        """Return where the labels of a library come from, a value of `LabelsFrom`."""
        if name_music(music) == name_music(str(self.layout.added)):
            return LabelsFrom.MANIFEST
        return self.label_from or before.label_from


@contextmanager
def _about(setting: str) -> Iterator[None]:
    """Name the setting that an error is about."""
    try:
        yield
    except UsageError as error:
        raise WrongSetting(setting, str(error)) from error


def _require_networks(config: Settings) -> None:
    """Refuse unknown networks, and lists that are empty."""
    if unknown := [name for name in config.networks if name not in NETWORK_NAMES]:
        known = ", ".join(NETWORK_NAMES)
        raise WrongSetting(
            "networks", f"There is no network {unknown[0]!r}. Choose among: {known}."
        )
    for name in ("networks", "seeds", "fragment_lengths_s", "representations"):
        if not getattr(config, name):
            raise WrongSetting(
                name,
                "Name at least one network, one seed, one fragment length and one representation.",
            )


def _require_numbers(config: Settings) -> None:
    """Refuse seeds, lengths and counts that make no sense."""
    if min(config.seeds) < 0 or config.split_seed < 0:
        name = "seeds" if min(config.seeds) < 0 else "split_seed"
        raise WrongSetting(name, "A seed cannot be negative.")
    if odd := [s for s in config.fragment_lengths_s if not 0 < s < math.inf]:
        raise WrongSetting(
            "fragment_lengths_s", f"A fragment cannot last {odd[0]:g} s. Use a length above 0."
        )
    if not 0 <= config.wav_cache_gb < math.inf:
        raise WrongSetting(
            "wav_cache_gb", f"wav_cache_gb is {config.wav_cache_gb:g}. Use 0 or more."
        )
    if config.n_windows < 1:
        raise WrongSetting("n_windows", f"n_windows is {config.n_windows}. Use 1 or more.")


def _require_representations(config: Settings) -> None:
    """Refuse representations that are unknown, or that none of the networks reads."""
    known = (*BUILT_IN, *config.embeddings, *registry.REPRESENTATIONS)
    if unknown := [name for name in config.representations if name not in known]:
        raise WrongSetting(
            "representations",
            f"There is no representation {unknown[0]!r}. Choose among: {', '.join(known)}.",
        )
    if not config.read_representations:
        raise WrongSetting(
            "representations",
            f"None of the networks {', '.join(config.networks)} can read "
            f"{', '.join(config.representations)}: `head` and `head_no_prior` read embeddings "
            "(musicnn), all others spectrograms (thesis, logmel). Name a network that fits.",
        )
    with _about("fragment_lengths_s"):
        _ = config.spectrogram_features  # refuses lengths that do not fit


class _Sources(BaseSettings):
    """Where settings are read: the command line, then the environment, then the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=JOINED,
        env_ignore_empty=True,
        extra="forbid",
    )
    document: ClassVar[dict[str, Any]] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, the strongest first."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, cls.document)


def _reader(document: dict[str, Any]) -> type[_Sources]:
    """Return the model that reads the fields of `Settings` from all sources."""
    types = get_type_hints(Settings)
    read: dict[str, Any] = {}
    for one in fields(Settings):
        made = one.default_factory
        default = one.default if made is MISSING else Field(default_factory=made)
        read[one.name] = (types[one.name], default)
    reader = create_model("Settings", __base__=_Sources, **read)
    reader.document = document
    return reader


def read_settings(**overrides: object) -> Settings:
    """Read the settings; an option that is neither None nor empty overrides all sources.

    Raises UsageError if a setting is unknown, cannot be read or makes no sense.
    """
    given = {name: value for name, value in overrides.items() if value not in (None, (), [], "")}
    written = read_written(SETTINGS_FILE, tuple(given), Settings)
    written.require_known_variables()
    try:
        read = _reader(written.document)(**given)
        return Settings(**{f.name: getattr(read, f.name) for f in fields(Settings)})
    except ValidationError as error:
        raise UsageError(written.explain(error)) from error
    except WrongSetting as error:
        raise UsageError(written.place(error.setting, str(error))) from error
    except SettingsError as error:
        name = str(error).partition('"')[2].partition('"')[0]
        raise UsageError(written.explain_variable(name)) from error

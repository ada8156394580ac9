"""What the line is asked to do: one record that every flow takes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flows.runner import RunnerConfig
from genre_core.audit.rules import AuditConfig
from genre_core.errors import UsageError
from genre_core.features import FeatureConfig, features_of_lengths
from genre_core.fragments import FragmentConfig
from genre_core.golden import GoldenConfig
from genre_core.networks.registry import NETWORKS
from genre_core.night_rules import NightConfig
from genre_core.promotion import PromotionConfig
from genre_core.training_rules import TrainingConfig
from storage.download import DownloadLimits
from storage.embeddings.config import EmbeddingConfig, require_own_names
from storage.keep import KeepConfig
from storage.layout import DataLayout
from storage.sites.access import SiteConfig
from storage.sources.published import FMA_URL
from storage.tracking.server_runs import require_server

COMPARED_NETWORKS = ("dense", "rnn", "cnn", "combined")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineConfig:
    """Where everything lasts, which music, and what is compared.

    Attributes
    ----------
    home : Path
        Everything that lasts is below it.
    shards : str
        Where the shards stand instead: ``s3://bucket/prefix``, or the absolute path of a folder.
    tracking : str
        Where runs and models are instead: the address of a team's MLflow tracking server.
    music : str
        A folder with one folder a genre, a folder with a ``manifest.csv``, a manifest, or a public
        collection as it is distributed.
    genres : tuple of str
        Empty: all genres that the library has.
    genre_map : mapping of str to str
        From labels of sources to genres; empty: labels are taken as they are.
    fma_url : str
        Where the archives of the Free Music Archive are published.
    embeddings : mapping of str to EmbeddingConfig
        Models of one's own, each a representation of that name.
    representations, fragment_lengths_s, networks, seeds : tuple
        Every combination is one training.
    split_seed : int
        Decides among groups of equal size; used once, for places never move.
    notify : str
        The notification block of Prefect that tells of a night: ``slack-webhook/my-block``.
    """

    home: Path = Path("data")
    shards: str = ""
    tracking: str = ""
    music: str = ""
    genres: tuple[str, ...] = ()
    genre_map: Mapping[str, str] = field(default_factory=dict)
    fma_url: str = FMA_URL
    embeddings: Mapping[str, EmbeddingConfig] = field(default_factory=dict)
    representations: tuple[str, ...] = ("thesis",)
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
    runner: RunnerConfig = field(default_factory=RunnerConfig)
    notify: str = ""
    night: NightConfig = field(default_factory=NightConfig)
    keep: KeepConfig = field(default_factory=KeepConfig)

    def __post_init__(self) -> None:
        for name in ("genres", "representations", "fragment_lengths_s", "networks", "seeds"):
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        if unknown := [name for name in self.networks if name not in NETWORKS]:
            raise UsageError(
                f"There is no network {unknown[0]!r}. Choose among: {', '.join(NETWORKS)}."
            )
        if not (self.networks and self.seeds and self.fragment_lengths_s and self.representations):
            raise UsageError(
                "Name at least one network, one seed, one fragment length and one representation."
            )
        if any(seed < 0 for seed in (*self.seeds, self.split_seed)):
            raise UsageError("A seed cannot be negative.")
        if any(not name.strip() for pair in self.genre_map.items() for name in pair):
            raise UsageError("A label or a genre in `genre_map` is empty. Fill it, or remove it.")
        if odd := [s for s in self.fragment_lengths_s if not 0 < s < math.inf]:
            raise UsageError(f"A fragment cannot last {odd[0]:g} s. Use a length above 0.")
        if self.notify and self.notify.count("/") != 1:
            raise UsageError(
                f"`notify` is {self.notify!r}; name a block of Prefect as <type>/<name>, such as "
                "slack-webhook/my-block. `prefect block ls` lists them."
            )
        require_own_names(self.embeddings)
        require_server(self.tracking)
        _cross_features(self)

    @property
    def layout(self) -> DataLayout:
        """Where everything stands."""
        home = Path(self.home).expanduser().resolve()
        return DataLayout(home, self.shards, self.tracking.rstrip("/"))

    @property
    def features(self) -> list[FeatureConfig]:
        """One feature setting a representation and fragment length."""
        return _cross_features(self)

    def require_music(self) -> str:
        """Give the library that was named, or say that none was."""
        if not self.music:
            raise UsageError(
                "No music is named. Give a folder with one folder a genre, or a manifest: "
                "as an argument, or as `music` in genreflow.toml."
            )
        return self.music


def _cross_features(config: LineConfig) -> list[FeatureConfig]:
    """Give every representation at every length; fragments start at the same places in all."""
    lengths_s, fragments = config.fragment_lengths_s, config.fragments
    crossed = [features_of_lengths(name, lengths_s, fragments) for name in config.representations]
    return [features for of_one in crossed for features in of_one]

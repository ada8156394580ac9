"""The front end that goes with an exported model computes what genreflow computes."""

import sys
from importlib import util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import storage.models.portable
from genre_core.representations.features import FeatureConfig, matrices_of
from genre_core.representations.registry import REPRESENTATIONS
from genre_core.signal.fragments import FragmentConfig, draw_starts, spread_starts, track_rng

FOLDER = Path(storage.models.portable.__file__).with_name("standalone")


@pytest.fixture(scope="module")
def front_end() -> ModuleType:
    spec = util.spec_from_file_location("front_end", FOLDER / "front_end.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_every_representation_is_the_same(front_end: ModuleType, name: str) -> None:
    features = FeatureConfig(representation=name, fragment_s=1.0)
    time_s = np.arange(round(1.5 * 44_100)) / 44_100
    noise = np.random.default_rng(7).normal(0, 0.05, (2, len(time_s)))
    fragments = (noise + 0.3 * np.sin(2 * np.pi * 441 * time_s)).astype(np.float32)

    found = front_end.spectrograms(fragments, features.as_document())

    # the cast to 16 bits makes large differences of small ones
    atol = 1e-3 if name == "getec_int16" else 1e-5
    np.testing.assert_allclose(found, matrices_of(fragments, features), rtol=0, atol=atol)


@pytest.mark.parametrize("protocol", ["flexible", "thesis"])
def test_fragments_of_long_songs_start_where_training_draws_them(
    front_end: ModuleType, protocol: str
) -> None:
    config = FragmentConfig(protocol=protocol, n_fragments=15)  # type: ignore[arg-type]
    features = FeatureConfig(fragments=config).as_document()

    starts_s, length_s = front_end.fragment_starts(184.37, features, "a" * 64)

    np.testing.assert_array_equal(starts_s, draw_starts(184.37, config, track_rng("a" * 64)))
    assert length_s == 3.0


@pytest.mark.parametrize(("duration_s", "hop_s"), [(119.0, 0.01), (30.0, 0.01), (6.5, 1.5)])
def test_fragments_of_short_songs_are_spread_as_in_genreflow(
    front_end: ModuleType, duration_s: float, hop_s: float
) -> None:
    config = FragmentConfig()

    starts_s, _ = front_end.fragment_starts(
        duration_s, FeatureConfig(fragments=config).as_document(), "b" * 64
    )

    np.testing.assert_array_equal(starts_s, spread_starts(duration_s, 3.0, hop_s, config))


def test_the_example_needs_no_package_of_genreflow() -> None:
    import ast

    named = set()
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                named.add(str(node.module).partition(".")[0])

    outside = named - sys.stdlib_module_names - {"front_end"}
    assert outside == {"numpy", "soundfile", "soxr", "ai_edge_litert", "onnxruntime"}

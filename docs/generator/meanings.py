"""What the names of the code mean: ``meanings.toml``, held to the code."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path


def read_meanings() -> Mapping[str, Mapping[str, str]]:
    """Table → name → meaning."""
    return tomllib.loads(Path(__file__).with_name("meanings.toml").read_text("utf-8"))


def require_same(what: str, names: Sequence[str], meanings: Mapping[str, object]) -> None:
    """Raise ValueError unless each name has a meaning and each meaning a name."""
    missing, left = sorted({*names} - {*meanings}), sorted({*meanings} - {*names})
    if missing or left:
        raise ValueError(
            f"docs/generator/meanings.toml, [{what}]: add {missing or 'nothing'}, "
            f"remove {left or 'nothing'}"
        )

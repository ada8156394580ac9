"""Spoilt songs and manifests: each has an outcome; none crashes, hangs or escapes its folder.

``FUZZ_INPUTS`` says how many there are; `make fuzz` takes 10,000, others each time.
"""

import os
import sys
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import CHANGES, spoil

if TYPE_CHECKING:
    from tests.fuzz.conftest import Taker

N_INPUTS = int(os.environ.get("FUZZ_INPUTS", "160"))
IS_SHORT = N_INPUTS <= 1000


def fuzz(taker: "Taker", kind: str, files: dict[str, bytes], n_inputs: int) -> None:
    @settings(
        max_examples=n_inputs,
        derandomize=IS_SHORT,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(name=st.sampled_from(sorted(files)), changes=CHANGES)
    def take_spoilt(name: str, changes: list) -> None:
        taker.take(kind, name, spoil(files[name], changes))

    take_spoilt()


def tell(kind: str, taker: "Taker") -> None:
    """Say what became of the files; seen with ``pytest -s``."""
    sys.stdout.write(f"\n{taker.outcomes.total()} {kind}: {dict(taker.outcomes)}\n")


def test_each_spoilt_song_has_an_outcome(taker: "Taker", songs: dict[str, bytes]) -> None:
    whole = {name: taker.take("song", name, content) for name, content in songs.items()}

    fuzz(taker, "song", songs, N_INPUTS * 4 // 5)

    tell("songs", taker)
    assert set(whole.values()) == {"ok"}
    assert taker.failures == []
    assert taker.left_behind() == []
    assert len(taker.outcomes) > 3


def test_each_spoilt_manifest_is_listed_or_refused(
    taker: "Taker", manifests: dict[str, bytes]
) -> None:
    whole = {name: taker.take("manifest", name, content) for name, content in manifests.items()}

    fuzz(taker, "manifest", manifests, N_INPUTS // 5)

    tell("manifests", taker)
    assert set(whole.values()) == {"ok"}
    assert taker.failures == []
    assert taker.left_behind() == []
    assert set(taker.outcomes) == {"ok", "UsageError"}

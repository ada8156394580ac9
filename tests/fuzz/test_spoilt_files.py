"""Spoilt songs, manifests, archives, settings: each has an outcome; none crashes, hangs, escapes.

``FUZZ_INPUTS`` is their number; `make fuzz` takes 10,000, others each time.
"""

import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import CHANGES, spoil

if TYPE_CHECKING:
    from tests.fuzz.conftest import Taker

N_INPUTS = int(os.environ.get("FUZZ_INPUTS", "160"))
IS_SHORT = N_INPUTS <= 1000


@pytest.mark.parametrize(
    ("kind", "share", "least_outcomes"),
    [("song", 0.5, 4), ("manifest", 0.2, 2), ("archive", 0.05, 2), ("settings_file", 0.05, 2)],
)
def test_each_spoilt_file_has_an_outcome(
    taker: "Taker",
    other_song: bytes,
    request: pytest.FixtureRequest,
    kind: str,
    share: float,
    least_outcomes: int,
) -> None:
    files: dict[str, bytes] = request.getfixturevalue(f"{kind}s")
    taker.take("kept song", "kept.flac", other_song)
    before = taker.digests()
    whole = {name: taker.take(kind, name, content) for name, content in files.items()}

    @settings(
        max_examples=round(N_INPUTS * share),
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

    sys.stdout.write(f"\n{taker.outcomes.total()} {kind}s: {dict(taker.outcomes)}\n")
    assert set(whole.values()) == {"ok"}
    assert taker.failures == []
    assert taker.digests() == before
    assert len(taker.outcomes) >= least_outcomes

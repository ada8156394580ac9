"""What `import genreflow` does: next to nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import genreflow

ROOT = Path(__file__).parents[2]
CODE = """
import json, os, signal, sys
known = set(sys.modules)
before = dict(os.environ), [signal.getsignal(n) for n in (2, 15)], os.listdir()
import genreflow
after = dict(os.environ), [signal.getsignal(n) for n in (2, 15)], os.listdir()
new = {name.partition(".")[0] for name in set(sys.modules) - known}
print(json.dumps([before == after, sorted(new)]))
"""


def test_it_changes_nothing_and_imports_nothing_of_others(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    is_unchanged, modules = json.loads(ended.stdout)

    assert is_unchanged
    assert set(modules) - sys.stdlib_module_names == {"genre_core", "genreflow"}


def test_every_public_name_is_there_and_documented() -> None:
    for name in genreflow.__all__:
        assert getattr(genreflow, name).__doc__, name
    assert dir(genreflow) == sorted(genreflow.__all__)

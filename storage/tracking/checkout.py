"""Which commit of the program is running."""

import subprocess
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]


@cache
def git_commit(project: Path = PROJECT) -> str:
    """The commit that ``project`` has checked out; empty where it is no checkout of its own."""
    if not (project / ".git").exists():
        return ""
    command = ["git", "-C", str(project), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git on this machine
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""

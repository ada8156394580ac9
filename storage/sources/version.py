"""Which version of a file a source is, so that a file that was mended is looked at again."""

from pathlib import Path


def file_version(location: str) -> str:
    """Name the version of a file by its size and the time of its last change.

    Returns
    -------
    str
        Empty for an address, and where there is no file.
    """
    if not location.startswith("/"):
        return ""
    try:
        found = Path(location).stat()
    except (OSError, ValueError):
        return ""
    return f"{found.st_size} bytes {found.st_mtime_ns} ns"

"""The option --download: a published collection becomes the music of a run."""

from dataclasses import replace

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from flows.cli.app import ERR
from flows.line import LineConfig
from genre_core.errors import UsageError
from storage.lock import hold_home
from storage.sources.published import download_collection


def with_collection(config: LineConfig, named_music: str | None, name: str | None) -> LineConfig:
    """Fetch the collection that was asked for, and name it as the music.

    Raises
    ------
    UsageError
        If a library was named on the command line as well, or the collection is unknown.
    """
    if name is None:
        return config
    if named_music:
        raise UsageError("Name a library or --download, not both.")
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with hold_home(config.layout), Progress(*columns, TransferSpeedColumn(), console=ERR) as bar:
        row = bar.add_task(name, total=None)

        def show(file: str, done: int, total: int) -> None:
            bar.update(row, description=file, completed=done, total=total or None)

        music = download_collection(config.layout, name, config.fma_url, config.limits, show)
    return replace(config, music=str(music))

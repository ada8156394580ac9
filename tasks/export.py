"""Export: the champion in a form that `genreflow classify` loads without TensorFlow."""

from prefect import task

from storage.layout import DataLayout
from tasks.judging import export_reigning


@task
def export_champion(layout: DataLayout) -> bool:
    """Export the champion, unless that is done; say whether the export is there.

    A network that cannot be exported stays the champion; the log says why.
    """
    return export_reigning(layout)

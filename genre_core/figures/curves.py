"""Loss and accuracy over the epochs of one training."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from genre_core.figures.palette import OKABE_ITO, declutter
from genre_core.training_rules import EpochScores, best_epoch


def draw_curves(scores: Sequence[EpochScores], title: str) -> Figure:
    """Draw loss and accuracy of training and validation; a line marks the best epoch.

    Parameters
    ----------
    scores : sequence of EpochScores
        Of one training, one an epoch, in order; one at least.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Notes
    -----
    Thesis figures 4.1, 4.2, 4.3, 4.6 and 4.14.
    """
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    loss_axes, accuracy_axes = figure.subplots(1, 2)
    _draw_pair(loss_axes, scores, "loss", "validation_loss")
    _draw_pair(accuracy_axes, scores, "accuracy", "validation_accuracy")
    loss_axes.set_ylabel("cross-entropy loss (nats)")
    loss_axes.set_ylim(0, 1.05 * max(max(score.loss, score.validation_loss) for score in scores))
    accuracy_axes.set_ylabel("accuracy by fragment")
    accuracy_axes.set_ylim(0, 1)
    accuracy_axes.yaxis.set_major_formatter(PercentFormatter(1))
    handles, names = loss_axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(title, wrap=True)
    return figure


def _draw_pair(axes: Axes, scores: Sequence[EpochScores], training: str, validation: str) -> None:
    """Draw the training and the validation curve of one measure."""
    epochs = [score.epoch for score in scores]
    marker = "o" if len(epochs) == 1 else ""
    for colour, name, measure in ((0, "training", training), (1, "validation", validation)):
        values = [getattr(score, measure) for score in scores]
        axes.plot(epochs, values, color=OKABE_ITO[colour], marker=marker, label=name, linewidth=1.4)
    best = best_epoch(scores).epoch
    axes.axvline(
        best, color="#666666", linestyle=":", linewidth=1.2, label=f"best epoch ({best})", zorder=1
    )
    axes.set_xlabel("epoch")
    axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    declutter(axes)

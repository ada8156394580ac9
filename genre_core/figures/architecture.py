"""A network as boxes: its layers, their outputs and parameters."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from genre_core.figures.style import OKABE_ITO, new_figure

BOX_WIDTH, BOX_HEIGHT, ROW_GAP, COLUMN_GAP = 2.9, 0.62, 0.34, 0.5
COLOURS = {"Conv2D": 0, "SimpleRNN": 2, "GRU": 2, "LSTM": 2, "Dense": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerBox:
    """One layer: name, class in Keras, shape of its output, parameters, names of those it reads."""

    name: str
    kind: str
    shape: tuple[int, ...]
    n_parameters: int
    reads: tuple[str, ...]


def draw_architecture(boxes: Sequence[LayerBox], title: str) -> Figure:
    """Draw the layers of a network from the input above to the genres below.

    A layer comes after those that it reads. Thesis figures 4.5 and 4.13.
    """
    places = _places(boxes)
    columns = [column for column, _ in places.values()]
    n_rows = 1 + max(row for _, row in places.values())
    step, height = BOX_WIDTH + COLUMN_GAP, n_rows * (BOX_HEIGHT + ROW_GAP)
    width = (max(columns) - min(columns)) * step + BOX_WIDTH
    figure = new_figure(max(4.8, width + 0.6), height + 0.8)
    axes = figure.subplots()
    centres = {n: (c * step, -row * (BOX_HEIGHT + ROW_GAP)) for n, (c, row) in places.items()}
    arrow = {"arrowstyle": "-|>", "color": "#555555", "linewidth": 1, "shrinkA": 0}
    for box in boxes:
        x, y = centres[box.name]
        _draw_box(axes, box, x, y)
        for x_above, y_above in (centres[name] for name in box.reads):
            start, end = (x_above, y_above - BOX_HEIGHT / 2), (x, y + BOX_HEIGHT / 2)
            axes.annotate("", xy=end, xytext=start, arrowprops=arrow)
    middle, half = (max(columns) + min(columns)) / 2 * step, max(width / 2, 2.2) + 0.1
    axes.set(xlim=(middle - half, middle + half), ylim=(-height + 0.5, 0.5), aspect="equal")
    axes.set_axis_off()
    total = sum(box.n_parameters for box in boxes)
    figure.suptitle(f"{title}: {total:,} parameters", fontsize=11)
    return figure


def _places(boxes: Sequence[LayerBox]) -> dict[str, tuple[float, int]]:
    """Return column and row of each box: as deep as its longest path, branches side by side."""
    rows: dict[str, int] = {}
    for box in boxes:
        rows[box.name] = 1 + max((rows[source] for source in box.reads), default=-1)
    branches = _branches(boxes)
    middle = max(branches.values(), default=0) / 2
    return {name: (branches.get(name, middle), row) for name, row in rows.items()}


def _branches(boxes: Sequence[LayerBox]) -> dict[str, int]:
    """Number the branches between a layer that several read and one that reads several."""
    readers = {box.name: [b.name for b in boxes if box.name in b.reads] for box in boxes}
    joins = {box.name for box in boxes if len(box.reads) > 1}
    branch_of: dict[str, int] = {}
    for forking in (box for box in boxes if len(readers[box.name]) > 1):
        for number, layer in enumerate(readers[forking.name]):
            while layer not in joins:
                branch_of.setdefault(layer, number)
                if len(readers[layer]) != 1:
                    break
                layer = readers[layer][0]
    return branch_of


def _draw_box(axes: Axes, box: LayerBox, x: float, y: float) -> None:
    """Draw one box around a centre: kind and name above, shape and parameters below."""
    colour = OKABE_ITO[COLOURS[box.kind]] if box.kind in COLOURS else "#999999"
    corner = (x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2)
    box_style = "round,pad=0,rounding_size=0.08"
    patch = FancyBboxPatch(corner, BOX_WIDTH, BOX_HEIGHT, boxstyle=box_style)
    patch.set(facecolor=f"{colour}22", edgecolor=colour)
    axes.add_patch(patch)
    shape = " × ".join(map(str, box.shape))
    weights = f" · {box.n_parameters:,} parameters" if box.n_parameters else ""
    axes.text(x, y + 0.13, _name(box), ha="center", va="center", fontsize=9, weight="bold")
    axes.text(x, y - 0.15, f"{shape}{weights}", ha="center", va="center", fontsize=8)


def _name(box: LayerBox) -> str:
    """Return the kind, with the name where it differs."""
    plain = box.name.rstrip("0123456789").rstrip("_").replace("_", "")
    return box.kind if plain == box.kind.lower() else f"{box.kind} ({box.name})"

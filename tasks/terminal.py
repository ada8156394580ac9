"""The terminal: the one place that all text for it passes."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from genre_core.locations import printable


class Terminal(Console):
    """A console for text from outside: markup means nothing, control characters are shown."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield what is written; sequences of Rich itself are segments of their own."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)


def cell(value: object, style: str = "") -> Text:
    """Return a cell of a table that is as wide as it is shown."""
    return Text(printable(str(value)), style)


OUT = Terminal()
ERR = Terminal(stderr=True)


def announce(step: str) -> None:
    """Say on a terminal what is waited for; elsewhere nothing, since nobody waits."""
    if ERR.is_terminal:
        ERR.print(step, style="dim", soft_wrap=True)

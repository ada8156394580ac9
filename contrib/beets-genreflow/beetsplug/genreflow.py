"""Genres that genreflow predicts, as the fields `genreflow_genre` and `genreflow_confidence`."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from optparse import Values
from pathlib import Path
from typing import Any, ClassVar

from beets import ui
from beets.dbcore import types
from beets.library import Item, Library
from beets.plugins import BeetsPlugin

GENRE, CONFIDENCE = "genreflow_genre", "genreflow_confidence"
SONGS_TOGETHER = 200
"""Of one call of genreflow; those of earlier calls are stored."""

Prediction = Mapping[str, Any]


class GenreflowPlugin(BeetsPlugin):
    """The command `beet genreflow`, and the types of its fields."""

    item_types: ClassVar[Mapping[str, types.Type]] = {GENRE: types.STRING, CONFIDENCE: types.FLOAT}

    def __init__(self) -> None:
        super().__init__()
        self.config.add({"command": "genreflow", "home": "", "min_confidence": 0.5})

    def commands(self) -> list[ui.Subcommand]:
        """Return the command."""
        command = ui.Subcommand("genreflow", help="predict genres with genreflow")
        parser = command.parser
        parser.add_option("-p", "--pretend", action="store_true", help="store nothing")
        parser.add_option(
            "-f", "--force", action="store_true", help="also songs that have a prediction"
        )
        parser.add_option(
            "--from",
            dest="document",
            metavar="FILE",
            help="take what `genreflow export --format beets` wrote, and decode nothing",
        )
        command.func = self.predict
        return [command]

    def predict(self, lib: Library, opts: Values, args: Sequence[str]) -> None:
        """Predict the songs of a query, and store what is sure and not unknown."""
        found = list(lib.items(list(args)))
        items = [item for item in found if opts.force or not item.get(GENRE)]
        counts = Counter({"had one already": len(found) - len(items)})
        least = self.config["min_confidence"].as_number()
        if opts.document:
            predicted = read_document(Path(opts.document).expanduser(), items)
        else:
            predicted = self.classify(items)
        for item, prediction in predicted:
            counts[self.settle(item, prediction, least, opts.pretend)] += 1
        named = ", ".join(f"{n} {result}" for result, n in counts.items() if n)
        ui.print_(f"{len(found)} songs: {named or 'none'}.")

    def settle(self, item: Item, prediction: Prediction, least: float, pretend: bool) -> str:
        """Store one prediction; return what became of it."""
        confidence = prediction.get("confidence")
        if error := prediction.get("error"):
            self._log.warning("{}", error)
            return "without a prediction"
        if prediction.get("unknown"):
            self._log.info("unknown: {}", item)
            return "unknown"
        if confidence is not None and confidence < least:
            self._log.info("below {}: {}", least, item)
            return f"below {least:g}"
        shown = "" if confidence is None else f" ({confidence:.2f})"
        ui.print_(f"{item}: {prediction['genre']}{shown}")
        if pretend:
            return "would be stored"
        item[GENRE] = prediction["genre"]
        if confidence is not None:
            item[CONFIDENCE] = confidence
        elif CONFIDENCE in item:
            del item[CONFIDENCE]
        item.store()
        return "stored"

    def classify(self, items: Sequence[Item]) -> Iterator[tuple[Item, Prediction]]:
        """Yield each song with its prediction, as `genreflow classify --json` gives it."""
        command = shlex.split(self.config["command"].as_str())
        home = self.config["home"].as_str()
        options = ["--home", str(Path(home).expanduser())] if home else []
        for first in range(0, len(items), SONGS_TOGETHER):
            some = items[first : first + SONGS_TOGETHER]
            call = [*command, "classify", "--json", *options, "--", *(item.path for item in some)]
            yield from zip(some, run(call), strict=True)


def run(call: Sequence[str | bytes]) -> list[Prediction]:
    """Return what a call of genreflow writes; raises `UserError` with its reason if it fails."""
    try:
        ended = subprocess.run(call, capture_output=True, check=False)
    except OSError as error:
        raise ui.UserError(
            f"{os.fsdecode(call[0])} cannot be run: {error.strerror}. Set `command` below "
            "`genreflow` in the configuration of beets."
        ) from error
    try:
        return list(json.loads(ended.stdout))
    except ValueError as error:
        lines = ended.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"it ended with code {ended.returncode}"
        raise ui.UserError(f"genreflow predicted nothing. {reason}") from error


def read_document(document: Path, items: Sequence[Item]) -> Iterator[tuple[Item, Prediction]]:
    """Yield each song with what `genreflow export --format beets` has of it."""
    try:
        rows = {os.fsencode(row["path"]): row for row in json.loads(document.read_text("utf-8"))}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ui.UserError(
            f"{document} cannot be read: {error}. Write it with `genreflow export --format beets`."
        ) from error
    for item in items:
        row = rows.get(item.path) or rows.get(os.path.realpath(item.path))
        if row and row.get(GENRE):
            yield item, {"genre": row[GENRE], "confidence": row.get(CONFIDENCE)}
        else:
            yield item, {"error": f"{document} has no genre for {item}"}

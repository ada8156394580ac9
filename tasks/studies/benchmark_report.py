"""Benchmark: the report, beside published figures, as JSON, Markdown and HTML."""

import platform
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from genre_core.records import Split, counted
from genre_core.studies.benchmark import BenchmarkScores, against
from storage.benchmarks.tables import PublishedFigure, read_figures, read_limits
from storage.catalog.benchmarks import OfficialSong
from storage.reports import read_figure
from tasks.orchestrator import task
from tasks.pages import fill_template, inline_png
from tasks.studies.benchmark import Leaks, Prepared, count_songs, find_leaks
from tasks.studies.benchmark_scores import ModelScores, Tested
from tasks.studies.record import create_study
from tasks.train import Trial

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "benchmark"
_METRICS = {"accuracy": "accuracy", "mean recall": "mean_recall", "macro F1": "macro_f1"}
INCOMPARABLE = "not comparable"
LEAST_USED = 0.95
"""Share of the official training and test songs below which nothing is compared."""
_ABSOLUTE = re.compile(r"(?<![\w.])/\w")
MOST_LISTED = 200
"""Songs left out that a page lists; the JSON has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFigure:
    """A published figure, and where it lies against ours, or why it cannot be compared."""

    figure: PublishedFigure
    against: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkReport:
    """What a benchmark found, and the files of its report.

    ``failed`` names the trainings that have no scores.
    """

    prepared: Prepared
    models: tuple[ModelScores, ...]
    figures: tuple[ComparedFigure, ...]
    leaks: Leaks
    limits: tuple[str, ...]
    tested: Tested | None
    page: Path
    command: str
    failed: tuple[str, ...]

    @property
    def title(self) -> str:
        """What was measured, for people."""
        title = self.prepared.official.title
        if self.tested:
            return f"{title} → {self.tested.prepared.official.title}"
        return title

    def as_document(self) -> dict[str, object]:
        """Return plain values by name; an interval is value, low, high."""
        official = self.prepared.official
        return {
            "benchmark": official.name,
            "title": self.title,
            "source": official.source,
            "command": self.command,
            "genreflow": version("genreflow"),
            "python": platform.python_version(),
            "genres": list(self.prepared.snapshots[0].genres),
            "songs": count_songs(self.prepared.songs),
            "not_in_the_split": dict(official.left_out),
            "left_out": _left_out(self.prepared),
            "split_audit": [
                self.leaks.artists.as_document(),
                self.leaks.recordings.as_document(),
            ],
            "failed_trainings": list(self.failed),
            "models": [_model_document(model) for model in self.models],
            "published": [asdict(c.figure) | {"against": c.against} for c in self.figures],
            "limits": list(self.limits),
            "incomplete": explain_few(self.prepared),
            "tested_on": self._tested_document(),
        }

    def _tested_document(self) -> dict[str, object] | None:
        if self.tested is None:
            return None
        return {
            "benchmark": self.tested.prepared.official.name,
            "songs": count_songs(self.tested.prepared.songs),
            "left_out": _left_out(self.tested.prepared),
            "n_tested": len(self.tested.genre_of_track),
            "n_also_in_training_collection": self.tested.n_shared,
            "n_by_artists_of_training_collection": self.tested.n_by_known_artists,
            **self.tested.common.as_document(),
        }


def _left_out(prepared: Prepared) -> list[dict[str, str]]:
    """Return the songs that are not used; no folder of this machine is named."""
    return [
        {
            "source": "/".join(Path(song.source).parts[-2:]),
            "subset": str(song.subset),
            "outcome": song.outcome,
            "reason": song.reason,
            "message": _without_folders(song),
        }
        for song in prepared.songs
        if not song.is_used
    ]


def _without_folders(song: OfficialSong) -> str:
    """Return what became of a song; nothing if it names a folder outside of the collection."""
    message = song.message.replace(f"{Path(song.source).parent.parent}/", "")
    return "" if _ABSOLUTE.search(message) else message


def _model_document(model: ModelScores) -> dict[str, object]:
    across = model.across
    return {
        "title": model.title,
        "network": model.network,
        "representation": model.representation,
        "seeds": list(model.seeds),
        "run_ids": list(model.run_ids),
        "test": model.test.as_document(),
        "test_of_unknown_artists": model.clean and model.clean.as_document(),
        "across": across
        and {
            "among_common_genres": across.among.as_document(),
            "among_all_genres": across.any_genre.as_document(),
            "own_test_among_common_genres": across.own.as_document(),
        },
    }


@task
def conclude_benchmark(
    prepared: Prepared,
    models: Sequence[ModelScores],
    tested: Tested | None,
    command: str,
    failed: Sequence[Trial] = (),
) -> BenchmarkReport:
    """Write the report: documents in ``reports/benchmark``, and a run of kind ``benchmark``."""
    layout, official = prepared.layout, prepared.official
    name = f"{official.name}-to-{tested.prepared.official.name}" if tested else official.name
    tags = {"library_id": prepared.snapshots[0].library_id}
    study = create_study(layout, FOLDER, f"benchmark {name}", FOLDER, tags)
    with study.failing():
        report = BenchmarkReport(
            prepared=prepared,
            models=tuple(models),
            figures=tuple(_compare_figures(prepared, models)),
            leaks=find_leaks(prepared.songs),
            limits=tuple(_limits(prepared, tested)),
            tested=tested,
            page=study.folder / f"{name}.html",
            command=command,
            failed=tuple(f"{trial.name}, seed {trial.seed}" for trial in failed),
        )
        study.add_numbers(name, report.as_document())
        study.add_figure(name, _draw(report))
        image = inline_png(read_figure(study.folder, f"{name}.png"))
        content = _content(report) | {"image": image, "file": f"{name}.png"}
        for suffix in ("html", "md"):
            study.add_text(f"{name}.{suffix}", fill_template(f"benchmark.{suffix}", content))
        study.add_scores(name_scores(models))
    study.finish()
    return report


def name_scores(models: Sequence[ModelScores]) -> dict[str, float]:
    """Return the scores by the name of the model, as MLflow takes them."""
    return {
        f"{model.title.replace(' ', '_')}_{metric}": getattr(model.test, metric).value
        for model in models
        for metric in _METRICS.values()
    }


def _compare_figures(prepared: Prepared, models: Sequence[ModelScores]) -> list[ComparedFigure]:
    """Set published figures against the first model, whatever its score: none is chosen."""
    ours, has_few = models[0].test, bool(explain_few(prepared))
    return [
        ComparedFigure(
            figure=figure,
            against=_against(figure, ours, has_few),
        )
        for figure in read_figures(prepared.official.name)
    ]


def _against(figure: PublishedFigure, ours: BenchmarkScores, has_few: bool) -> str:
    if not figure.comparable:
        return INCOMPARABLE
    return "–" if has_few else against(figure.value, getattr(ours, _METRICS[figure.metric]))


def explain_failed(failed: Sequence[str]) -> str:
    """Return which trainings have no scores; empty if all have."""
    if not failed:
        return ""
    return (
        f"{counted(len(failed), 'training')} failed: {'; '.join(failed)}. The log has the reasons; "
        "the same command tries again. The scores are of the others."
    )


def explain_few(prepared: Prepared) -> str:
    """Return why our scores are not those of the benchmark; empty if they are.

    That is so where more than a twentieth of its training or test songs could not be used.
    """
    official = prepared.official.count()
    used = Counter(song.subset for song in prepared.songs if song.is_used)
    lacking = [
        f"{used[split]} of {counted(official[split], f'{split} song')}"
        for split in (Split.TRAIN, Split.TEST)
        if used[split] < LEAST_USED * official[split]
    ]
    if not lacking:
        return ""
    return (
        f"Only {' and '.join(lacking)} could be used: these are no scores of the benchmark, and "
        "they are not compared with published figures."
    )


def _draw(report: BenchmarkReport) -> "Figure":
    """Draw accuracies: ours, on both collections, and the published ones."""
    from genre_core.figures.studies import draw_benchmark  # matplotlib takes a second to import

    ours = {}
    for model in report.models:
        ours[model.title] = model.test.accuracy
        if model.clean:
            ours[f"{model.title}, other artists"] = model.clean.accuracy
        if report.tested and model.across:
            ours[f"{model.title} → {report.tested.prepared.official.name}"] = (
                model.across.among.accuracy
            )
    shown = [row for row in report.figures if row.figure.metric == "accuracy"]
    names = {
        f"{shorten(row.figure.method, 42, placeholder=' …')} ({row.figure.cite})": row
        for row in shown
    }
    return draw_benchmark(
        ours,
        {name: row.figure.value for name, row in names.items()},
        [name for name, row in names.items() if row.against not in ("–", INCOMPARABLE)],
    )


def _limits(prepared: Prepared, tested: Tested | None) -> list[str]:
    names = [prepared.official.name, *([tested.prepared.official.name] if tested else [])]
    limits = [sentence for name in dict.fromkeys(names) for sentence in read_limits(name)]
    for embedding in filter(None, (features.embedding for features in prepared.features)):
        trained_on = " and ".join(embedding.trained_on) or "data that it does not name"
        limits.append(
            f"{embedding.name} was trained on {trained_on}. It is not known which songs of this "
            "collection are among them; on those the scores are too high."
        )
    if tested:
        limits.append(
            "Genres are in common where their names differ in spelling alone; what a collection "
            "files under a name may differ all the same."
        )
    return limits


def shown_scores(scores: BenchmarkScores) -> list[str]:
    """Return accuracy, mean recall and macro F1, for tables."""
    return [str(getattr(scores, metric)) for metric in _METRICS.values()]


def score_rows(models: Sequence[ModelScores]) -> list[tuple[str, str, list[str]]]:
    """Return rows of a table: the model where it begins, the songs, and the scores."""
    rows = []
    for model in models:
        rows.append((_name(model), _songs("all test songs", model.test), shown_scores(model.test)))
        if model.clean:
            songs = _songs("of artists that were not trained on", model.clean)
            rows.append(("", songs, shown_scores(model.clean)))
    return rows


def across_rows(models: Sequence[ModelScores], name: str) -> list[tuple[str, str, list[str]]]:
    """Return the rows of the table of another collection."""
    rows = []
    for model in models:
        if found := model.across:
            parts = {
                f"{name}, genres in common": found.among,
                f"{name}, any genre of the training": found.any_genre,
                "own test songs, genres in common": found.own,
            }
            names = (_name(model), "", "")
            rows += [
                (title, _songs(which, scores), shown_scores(scores))
                for title, (which, scores) in zip(names, parts.items(), strict=True)
            ]
    return rows


def _name(model: ModelScores) -> str:
    return f"{model.title}, {counted(len(model.seeds), 'seed')}"


def _songs(which: str, scores: BenchmarkScores) -> str:
    groups = "" if scores.n_groups == scores.n_songs else f" in {scores.n_groups} groups"
    return f"{which} ({scores.n_songs}{groups})"


def _content(report: BenchmarkReport) -> dict[str, object]:
    """Return what both templates show."""
    prepared, tested = report.prepared, report.tested
    left_out = _left_out(prepared)
    first = report.models[0].test
    return {
        "title": report.title,
        "official": prepared.official,
        "command": report.command,
        "versions": f"genreflow {version('genreflow')}, Python {platform.python_version()}",
        "songs": count_songs(prepared.songs),
        "crossings": report.leaks.sentences,
        "scores": score_rows(report.models),
        "chance": 1 / len(first.genres),
        "recalls": list(zip(first.genres, first.recall, strict=True)),
        "first": report.models[0].title,
        "figures": report.figures,
        "limits": report.limits,
        "faults": [*filter(None, (explain_failed(report.failed), explain_few(prepared)))],
        "left_out": left_out[:MOST_LISTED],
        "n_more": max(0, len(left_out) - MOST_LISTED),
        "tested": tested,
        "tested_title": tested.prepared.official.title if tested else "",
        "across": across_rows(report.models, tested.prepared.official.name) if tested else [],
        "common": tested.common if tested else None,
        "n_shared": tested.n_shared if tested else 0,
        "n_by_known_artists": tested.n_by_known_artists if tested else 0,
        "common_chance": 1 / len(tested.common.trained_name) if tested else 0,
    }

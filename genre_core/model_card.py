"""The card of a model: what it predicts, on what it rests, its scores, licences and limits.

The front matter is that of model cards on Hugging Face (Mitchell et al., Model Cards for Model
Reporting, FAT* 2019; https://huggingface.co/docs/hub/model-cards).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genre_core.records import counted
from genre_core.representations.features import FeatureConfig, name_features

FACTS = "card"
"""Key of the facts of a promoted model in its document."""
TITLES = {"train": "training", "validation": "validation", "test": "test"}
MOST_LICENCES = 10
"""That a card names, those of the most training songs."""
Facts = Mapping[str, Any]


def model_card(document: Mapping[str, Any]) -> str:
    """Return the card of a model in Markdown, from the document that is logged with it.

    Before it was promoted, the document has no facts (`storage.catalog.model_card`), and the card
    no scores.
    """
    title = f"genreflow version {document['version']}" if "version" in document else "genreflow"
    front: dict[str, Any] = {
        "library_name": "genreflow",
        "pipeline_tag": "audio-classification",
        "license": "other",
        "tags": ["music", "music-genre-classification", "audio-classification"],
        "metrics": ["f1", "accuracy"],
    }
    if facts := document.get(FACTS):
        results = list(_evaluation_results(facts))
        front["model-index"] = [{"name": title, "results": results}]
    # JSON is YAML
    lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in front.items()]
    return "\n".join(["---", *lines, "---", "", card_text(document)])


def card_text(document: Mapping[str, Any]) -> str:
    """Return the card without its front matter."""
    features = FeatureConfig.from_document(document["features"])
    facts = document.get(FACTS)
    version = f" version {document['version']}" if "version" in document else ""
    return "\n".join(
        [
            f"# Model card: genreflow{version}",
            "",
            f"Predicts one of {len(document['genres'])} genres: {', '.join(document['genres'])}.",
            "",
            f"- Input: {_describe_input(features)}",
            *_describe_embedding(features),
            *(_describe_run(facts) if facts else _NOT_PROMOTED),
            *(_describe_scores(facts) if facts else ()),
            *(_describe_certainty(facts) if facts else ()),
            "",
            *_describe_use(features, facts),
            *(_describe_songs(facts) if facts else ()),
            "",
        ]
    )


_NOT_PROMOTED = (
    "- Trained on the songs of the user's own library; scores, splits and the audit are in its "
    "run in MLflow.",
)


def _describe_input(features: FeatureConfig) -> str:
    count = features.fragments.n_fragments
    name = name_features(features.representation, features.fragment_s)
    if features.embedding:
        return f"the embedding {name}, the mean of up to {count} windows of a song."
    return f"spectrograms ({name}) of {count} fragments of a song."


def _describe_embedding(features: FeatureConfig) -> list[str]:
    embedding = features.embedding
    if embedding is None:
        return []
    trained_on = ", ".join(embedding.trained_on) or "data that its settings do not name"
    return [
        f"- Embedding: {embedding.name}, digest {embedding.digest[:16]}.",
        f"- Licence of its weights: {embedding.licence or 'not named'}.",
        f"- It was trained on {trained_on}: scores on songs of these data sets may be too good.",
    ]


def _describe_run(facts: Facts) -> list[str]:
    return [
        f"- Network: {facts['network']}, {facts['n_parameters']:,} parameters, trained "
        f"{facts['trained_at']}; run {facts['run_id']}.",
        f"- Promoted {facts['promoted_at']}: {facts['reason']}",
    ]


def _describe_scores(facts: Facts) -> list[str]:
    golden, scores, test = facts["golden"], facts["scores"], facts["splits"]["test"]
    return [
        "",
        "## Scores",
        "",
        "By song, with 95 % intervals that resample artists.",
        "",
        "| songs | macro F1 | accuracy |",
        "| --- | --- | --- |",
        f"| test: {_count_songs(test)} | {_show(scores['macro_f1'])} "
        f"| {_show(scores['accuracy'])} |",
        (
            f"| {golden['name']}: {_count_songs(golden)} | {_show(golden['macro_f1'])} | |"
            if golden
            else "| golden: it was not compared on golden songs | | |"
        ),
        "",
        *_describe_audit(facts["audit"]),
    ]


def _describe_songs(facts: Facts) -> list[str]:
    """Describe the songs by split, genre and licence; the last of the card: it may be long."""
    splits = facts["splits"]
    songs = [f"{TITLES[name].capitalize()}: {_count_songs(one)}" for name, one in splits.items()]
    rows = [
        f"| {_cell(one['genre'])} | {one['train']} | {one['validation']} | {one['test']} "
        f"| {_show(one['recall'])} |"
        for one in facts["genres"]
    ]
    return [
        "",
        "## Trained on",
        "",
        f"Library {facts['library_id']}, snapshot {facts['snapshot_id']}. {'. '.join(songs)}. "
        "No artist is in two of them, unless a genre has too few artists.",
        "",
        f"Licences of the training songs: {_list_licences(facts['licences'])}.",
        "",
        "| genre | training songs | validation songs | test songs | recall on test songs |",
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]


def _list_licences(licences: Sequence[Facts]) -> str:
    shown = licences[:MOST_LICENCES]
    named = [f"{_cell(one['licence']) or 'not named'}: {one['n_songs']}" for one in shown]
    if more := licences[MOST_LICENCES:]:
        n_songs = sum(one["n_songs"] for one in more)
        named.append(f"{counted(len(more), 'other licence')}: {n_songs}")
    return ", ".join(named) or "not known"


def _describe_audit(audit: Facts | None) -> list[str]:
    if audit is None:
        return ["Audit: these songs were not audited."]
    checks = ", ".join(f"{one['name']} {one['level']}" for one in audit["checks"])
    return [f"Audit: **{audit['verdict']}** ({checks})."]


def _describe_certainty(facts: Facts) -> list[str]:
    calibration, unknown = facts["calibration"], facts.get("unknown")
    alternatives = facts.get("alternatives")
    found = ["", "## Certainty", ""]
    if calibration:
        found.append(
            f"- Calibration: mean confidence {calibration['mean_confidence']:.2f}, right in "
            f"{calibration['accuracy']:.2f} of {counted(calibration['n_songs'], 'test song')}; "
            f"expected calibration error {calibration['ece']:.2f}"
            f"{_show_temperature(facts)}."
        )
    if alternatives:
        found.append(
            f"- Alternatives: genres from a probability of {alternatives['least_probability']:.3f} "
            f"on, so that {alternatives['coverage']:.0%} of the sets contain the true genre."
        )
    if unknown:
        found.append(
            f"- Unknown: a song farther than {unknown['threshold']:.3f} from the second nearest "
            f"training song. It is fitted to refuse {unknown['refuse_share']:.0%} of songs of "
            f"known genres by new artists; it refused {facts['n_unknown']} of "
            f"{counted(facts['n_assessed'], 'test song')}."
        )
    else:
        found.append("- Unknown: this model does not notice songs unlike all training songs.")
    return found


def _show_temperature(facts: Facts) -> str:
    return f" at temperature {facts['temperature']:.2f}" if "temperature" in facts else ""


def _describe_use(features: FeatureConfig, facts: Facts | None) -> Iterator[str]:
    yield from ("## Intended use and limits", "")
    yield (
        "- Use it to propose genres for songs like those of the library that it was trained on, "
        "for a person to check. It decides on nothing: not on royalties, rights or who is heard."
    )
    yield "- Genres that are not listed are never predicted; a genre means what this library says."
    shortest_s = features.fragments.shortest_s
    yield f"- Songs shorter than {shortest_s:g} s, speech and single sounds are no songs to it."
    if facts and (n_builtin := facts["n_builtin"]):
        yield (
            f"- {counted(n_builtin, 'song')} of the snapshot were composed by genreflow: these "
            "scores prove nothing about real music."
        )
    if facts and facts["splits"]["test"]["n_songs"] < 100:
        yield "- It was scored on few songs: the intervals tell more than the scores."
    yield (
        "- Licence: whoever publishes this model chooses it. The licences of the training songs "
        "and of the embedding may restrict that."
    )


def _count_songs(found: Facts) -> str:
    artists = counted(found["n_artists"], "artist")
    unnamed = f", {found['n_unnamed']} without an artist" if found["n_unnamed"] else ""
    return f"{counted(found['n_songs'], 'song')} by {artists}{unnamed}"


def _show(interval: Sequence[float] | None) -> str:
    """Return a value with its interval; a dash where it was not measured."""
    if interval is None:
        return "–"
    value, low, high = interval
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _cell(text: str) -> str:
    """Return a text of one line that ends no cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def _evaluation_results(facts: Facts) -> Iterator[dict[str, Any]]:
    """Yield the results for ``model-index``: test songs, then golden songs."""
    test = facts["splits"]["test"]
    scores = {"f1": ("macro F1", facts["scores"]["macro_f1"])}
    scores["accuracy"] = ("accuracy", facts["scores"]["accuracy"])
    yield _result(f"{_count_songs(test)} of the library", "test", facts, scores)
    if golden := facts["golden"]:
        yield _result(
            _count_songs(golden), "golden", facts, {"f1": ("macro F1", golden["macro_f1"])}
        )


def _result(
    name: str, split: str, facts: Facts, scores: Mapping[str, tuple[str, Sequence[float] | None]]
) -> dict[str, Any]:
    return {
        "task": {"type": "audio-classification", "name": "Music genre classification"},
        "dataset": {
            "type": "genreflow-library",
            "name": f"{TITLES.get(split, split)} songs: {name}",
            "split": split,
            "revision": facts["snapshot_id"],
        },
        "metrics": [
            {"type": kind, "value": found[0], "name": f"{title}, 95 % interval {_ends(found)}"}
            for kind, (title, found) in scores.items()
            if found
        ],
    }


def _ends(interval: Sequence[float]) -> str:
    return f"{interval[1]:.2f} to {interval[2]:.2f}"

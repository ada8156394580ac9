"""The page of a song, dropped or of the library: its genre, its fragments, why, similar songs."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from flows.studies.similar import find_embedder
from flows.web.actions import known_genres, require_stored
from flows.web.audio import find_song
from flows.web.dropped import NO_MODEL, require_dropped
from flows.web.drops import DroppedSong
from flows.web.pages import clock, library_styles, show_page
from flows.web.shown_predictions import ShownPrediction, describe_prediction
from flows.web.song_charts import draw_bands, draw_timeline
from flows.web.state import State, WebState
from genre_core.errors import UsageError
from genre_core.records import name_song
from storage.audio.previews import PlayedSong
from storage.catalog.embeddings import embedded_representations, find_embedded, nearest_songs
from storage.catalog.song_page import (
    StoredSong,
    has_own_songs,
    read_stored_song,
)
from tasks.predict import Classifier, SongPrediction, StudiedSong, study_song
from tasks.studies.similar import choose_representation, embed_studied
from tasks.studies.why import explain_bands, explain_tags

router = APIRouter(include_in_schema=False)
Kind = Literal["songs", "dropped"]
SHORT_WAIT_S = 1.5
"""Of a page for the facts of its song, which mostly take a tenth of a second."""
LONGEST_WAIT_S = 20.0
"""Of a request for a prediction that is not there yet; it is asked for again then."""
N_SIMILAR = 5
NOT_THERE, UNREADABLE = 404, 422
GONE = "Its file is gone from the home; the next `genreflow ingest` fetches it again."
MOST_STUDIED = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A song that a page is about, and what was studied of it."""

    address: str
    track_id: str
    played: PlayedSong
    studied: StudiedSong

    @property
    def prediction(self) -> SongPrediction:
        """Its prediction."""
        return self.studied.prediction


@router.get("/dropped/{token}")
async def show_dropped(request: Request, token: str, state: State) -> HTMLResponse:
    """Show the page of a dropped song; its prediction comes when it is there."""
    song = require_dropped(state, token)
    await _await(song.probed, SHORT_WAIT_S)
    content = {
        "page": "listen",
        "address": song.address,
        "drop": song.drop,
        "n_dropped": len(state.drops.of(song.drop)),
        "shown_prediction": None,
        "is_fetching": bool(song.place) and song.facts is None,
        **_head_of_dropped(song),
    }
    return await state.answer(lambda: show_page(request, "song.html", content))


@router.get("/songs/{track_id}")
def show_stored(request: Request, track_id: str, state: State) -> HTMLResponse:
    """Show the page of a song of the library, with its stored prediction if there is one."""
    stored = require_stored(state, track_id)
    shown_prediction = _describe_stored(state, stored)
    content = {
        "page": "",
        "title": name_song(stored.artist, stored.title, f"Song {track_id[:8]}"),
        "file": "",
        "address": f"/songs/{track_id}",
        "audio": f"/audio/songs/{track_id}",
        "facts": describe_stored(stored),
        "drop": "",
        "n_dropped": 0,
        "shown_prediction": shown_prediction,
        "is_fetching": False,
        "stored": stored,
        "styles": library_styles(state, shown_prediction.probabilities if shown_prediction else ()),
    }
    return show_page(request, "song.html", content)


@router.get("/{kind}/{key}/prediction")
async def show_prediction(
    request: Request, kind: Kind, key: str, state: State, late: bool = False
) -> HTMLResponse:
    """Show the genre and the timeline of a song, as soon as it is predicted.

    A ``late`` page has no player yet, as the facts of its song were not known.
    """
    head: dict[str, Any] = {"is_late": False}
    if kind == "dropped":
        song = require_dropped(state, key)
        await _await(song.done, LONGEST_WAIT_S)
        head = {**_head_of_dropped(song), "is_late": late, "address": song.address}
        if not song.is_done:
            return show_page(request, "_waiting.html", {**head, "audio": "" if late else "there"})
        if song.error:
            return show_page(request, "_failed.html", {**head, "sentence": song.error})
    try:
        subject = await find_subject(state, kind, key)
    except HTTPException as refusal:
        why = refusal
        content = await state.answer(lambda: _explain(state, kind, key, why))
        return show_page(request, "_failed.html", head | content)
    content = await state.answer(lambda: _describe(state, kind, subject))
    return show_page(request, "_prediction.html", head | content)


def _explain(state: WebState, kind: Kind, key: str, refusal: HTTPException) -> dict[str, Any]:
    """Return why there is no prediction; the label of a song of the library can be set anyway."""
    if kind == "dropped":
        raise refusal
    stored = require_stored(state, key)
    return {
        "has_prediction": _describe_stored(state, stored) is not None,
        "sentence": GONE if refusal.status_code == NOT_THERE else refusal.detail,
        "address": f"/songs/{key}",
        "is_dropped": False,
        "stored": stored,
        "genres": known_genres(state),
    }


def _describe(state: WebState, kind: Kind, subject: Subject) -> dict[str, Any]:
    """Return what the page shows of a predicted song."""
    classifier, stored = _classifier(state), read_stored_song(state.layout, subject.track_id)
    is_dropped, duration_s = kind == "dropped", subject.played.facts.duration_s
    length_s = classifier.features.fragment_s
    return {
        "address": subject.address,
        "is_dropped": is_dropped,
        "shown_prediction": describe_prediction(state, subject.prediction, subject.track_id),
        "has_prediction": not is_dropped and _describe_stored(state, stored) is not None,
        "stored": stored,
        "timeline": draw_timeline(subject.prediction, length_s, duration_s),
        "styles": library_styles(state, classifier.genres),
        "genres": known_genres(state),
        "replaces_builtin": is_dropped and not has_own_songs(state.layout),
    }


def _head_of_dropped(song: DroppedSong) -> dict[str, Any]:
    audio = f"/audio{song.address}" if song.played else ""
    return {
        "title": song.title,
        "file": song.name,
        "audio": audio,
        "facts": describe_dropped(song),
    }


@router.get("/{kind}/{key}/why")
async def show_why(request: Request, kind: Kind, key: str, state: State) -> HTMLResponse:
    """Show what the prediction of a song rests on."""
    subject = await find_subject(state, kind, key)

    def explain() -> dict[str, Any]:
        classifier = _classifier(state)
        bands = explain_bands(classifier, subject.studied)
        return {
            "bands": draw_bands(bands, classifier.features) if bands else None,
            "tags": explain_tags(state.layout, classifier, subject.studied),
            "genre": subject.prediction.genre,
            "is_unknown": bool(subject.prediction.unknown),
        }

    return show_page(request, "_why.html", await state.decode(explain))


@router.get("/{kind}/{key}/similar")
async def show_similar(request: Request, kind: Kind, key: str, state: State) -> HTMLResponse:
    """Show the songs of the library that are most like a song."""
    subject = await find_subject(state, kind, key)

    def find() -> dict[str, Any]:
        classifier, rows, sentence = _classifier(state), None, ""
        try:
            if embedded_representations(state.layout):
                found = find_similar(state, classifier, subject)
                rows = [{**row, "name": _name(row)} for row in found]
        except UsageError as error:
            sentence = str(error)
        styles = library_styles(state, classifier.genres)
        return {"rows": rows, "sentence": sentence, "styles": styles}

    return show_page(request, "_similar.html", await state.decode(find))


async def find_subject(state: WebState, kind: Kind, key: str) -> Subject:
    """Return a song that is studied; 404 if it is not there, 422 if it cannot be predicted."""
    if kind == "dropped":
        song = require_dropped(state, key)
        if song.studied is None or song.played is None:
            raise HTTPException(UNREADABLE, song.error or "This song is not predicted yet.")
        return Subject(
            address=song.address, track_id=song.track_id, played=song.played, studied=song.studied
        )
    played = await find_song(state, key)
    studied = await _study_stored(state, played)
    if studied.prediction.error:
        raise HTTPException(
            UNREADABLE, studied.prediction.error.replace(str(played.path), "The song")
        )
    return Subject(address=f"/songs/{key}", track_id=key, played=played, studied=studied)


def _name(row: Mapping[str, Any]) -> str:
    return name_song(row["artist"], row["title"], f"Song {row['track_id'][:8]}")


def find_similar(state: WebState, classifier: Classifier, subject: Subject) -> list[dict[str, Any]]:
    """Return the nearest songs; `UsageError` where the library has no embeddings of the song."""
    layout, config = state.layout, state.config
    chosen = choose_representation(layout, "", config.representations)
    if track_id := find_embedded(layout, subject.track_id, chosen):
        return nearest_songs(layout, chosen, track_id, n_songs=N_SIMILAR)
    embedder, file = find_embedder(config, chosen), str(subject.played.path)
    own = embed_studied(classifier, subject.studied, file, embedder)
    return nearest_songs(layout, chosen, subject.track_id, own, n_songs=N_SIMILAR)


def describe_dropped(song: DroppedSong) -> list[str]:
    """Return what is known of a dropped song, in a few words each."""
    facts = song.facts
    if facts is None:
        return []
    return [f"{clock(facts.duration_s)} min", facts.codec, *_rate(facts.bit_rate)]


def describe_stored(song: StoredSong) -> list[str]:
    """Return what is known of a song of the library, in a few words each."""
    parts = (song.album, str(song.year or ""), f"{clock(song.duration_s)} min", song.codec)
    return [part for part in (*parts, *_rate(song.bit_rate)) if part]


def _rate(bit_rate: int) -> list[str]:
    return [f"{round(bit_rate / 1000)} kbit/s"] if bit_rate else []


async def _await(event: asyncio.Event, longest_s: float) -> None:
    """Wait for an event, for so long at most."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), longest_s)


def _classifier(state: WebState) -> Classifier:
    """Return the champion; 422 with what to do if there is none."""
    try:
        return state.classifier()
    except UsageError as error:
        raise HTTPException(UNREADABLE, NO_MODEL) from error


def _describe_stored(state: WebState, stored: StoredSong | None) -> ShownPrediction | None:
    """Describe a stored prediction, if it is of the champion that is loaded."""
    if stored is None or stored.predicted is None or not stored.probabilities:
        return None
    try:
        classifier = _classifier(state)
    except HTTPException:
        return None
    if (classifier.version, len(classifier.genres)) != (stored.version, len(stored.probabilities)):
        return None
    probabilities = dict(zip(classifier.genres, stored.probabilities, strict=True))
    named = stored.alternatives
    prediction = SongPrediction(
        song=stored.track_id,
        genre=stored.predicted,
        probabilities=probabilities,
        champion=classifier.version,
        confidence=stored.confidence,
        unknown=stored.unknown,
        alternatives=None if named is None else tuple(named),
    )
    return describe_prediction(state, prediction, stored.track_id)


async def _study_stored(state: WebState, played: PlayedSong) -> StudiedSong:
    """Predict a song of the library; the last ones are remembered."""
    classifier = await state.answer(lambda: _classifier(state))
    key = (played.name, classifier.version)
    if key not in state.studied:
        found = await state.decode(lambda: study_song(classifier, str(played.path)))
        while len(state.studied) >= MOST_STUDIED:
            state.studied.pop(next(iter(state.studied)))
        state.studied[key] = found
    return state.studied[key]

"""What a user's type checker sees; mypy checks this file, nothing runs it."""

from typing import assert_type

import duckdb
import numpy as np
import numpy.typing as npt

import genreflow

with genreflow.open("data", networks=["head"]) as library:
    assert_type(library, genreflow.Library)
    assert_type(library.songs, duckdb.DuckDBPyRelation)
    assert_type(library.sql("from tracks where year > ?", [1990]), duckdb.DuckDBPyRelation)
    assert_type(library.champion, genreflow.Champion | None)
    assert_type(library.runs, list[genreflow.Run])
    assert_type(library.train(["head"]), list[genreflow.Run])
    assert_type(library.ingest("music"), dict[str, int])
    assert_type(library.classify("song.mp3"), genreflow.Prediction)
    assert_type(library.classify("song.mp3").fragments, tuple[genreflow.FragmentPrediction, ...])
    assert_type(library.embed("song.mp3"), npt.NDArray[np.float32])
    assert_type(library.similar("song.mp3", n=3), list[genreflow.SimilarSong])
assert_type(genreflow.classify("song.mp3"), genreflow.Prediction)
assert_type(genreflow.embed("song.mp3"), npt.NDArray[np.float32])
assert_type(genreflow.similar("song.mp3"), list[genreflow.SimilarSong])

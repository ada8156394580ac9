"""Notebook: what is in a library, in SQL. Open it with ``marimo edit docs/notebooks/query.py``."""

import marimo

app = marimo.App()


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    # Query the store

    Everything that genreflow knows of a library is in one file, `spectrograms.duckdb`: songs,
    where they came from and what became of them, splits, runs, predictions, embeddings,
    spectrograms. This notebook asks it questions from Python. It was run on the built-in library:
    54 short pieces, composed by rules for six genres and 24 invented artists. Its numbers show
    how to ask; they say nothing about real music.
    """)
    return


@app.cell
def _():
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np

    import genreflow

    library = genreflow.open()
    return library, mo, np, plt


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## What is there

    `library.songs` has a row for each song that counts: its label, and the champion's prediction
    of it. It is a relation of DuckDB: nothing is read before rows are shown, and `aggregate`,
    `filter` or `order` refine it.
    """)
    return


@app.cell
def _(library):
    library.songs.aggregate(
        "label, count(*) as songs, count(distinct artist) as artists, "
        "round(sum(duration_s) / 60, 1) as minutes"
    ).order("label")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    Nine songs by four artists a genre. The second number is the one that limits what can be
    learned and measured: songs of one artist must stay in one subset, so a genre has four
    independent examples, not nine.

    ## Which songs does the champion get wrong?

    `library.sql` takes any query on the published views. Only songs that the champion was not
    fitted on have a prediction worth reading: those of validation and test.
    """)
    return


@app.cell
def _(library):
    predicted = library.sql("""
        select predictions.split, artist, title, predictions.genre as label, predicted,
            round(confidence, 2) as confidence
        from predictions semi join promotions using (run_id) join tracks using (track_id)
        where predictions.split in ('validation', 'test')
        order by predicted = predictions.genre, confidence desc
    """)
    predicted.limit(8)
    return (predicted,)


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    The errors come first, the most confident one at the top: those are the ones to listen to. Are
    they spread evenly over artists? In a small test set, one artist can be most of the error.
    """)
    return


@app.cell
def _(predicted):
    predicted.aggregate(
        "split, artist, label, count(*) as songs, count_if(predicted = label) as right_ones"
    ).order("right_ones / songs, songs desc, artist").limit(8)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    Songs of one artist tend to be right or wrong together. That is why genreflow draws whole
    artists, not songs, when it computes an interval.

    ## Who is near whom?

    `song_embeddings` has one vector a song: the mean features of a pretrained tagger. The nearest
    neighbour of a song in it is a self-join. If the embedding knew genres alone, the neighbour
    would be by the same artist as often as chance has it: for nine songs by four artists, one in
    six of the neighbours of the same genre.
    """)
    return


@app.cell
def _(library):
    neighbours = library.sql("""
        with songs as (
            select track_id, genre, artist, embedding
            from song_embeddings join tracks using (track_id) where representation = 'musicnn'),
        nearest as (
            select one.genre, one.artist, other.genre as near_genre, other.artist as near_artist
            from songs as one join songs as other on one.track_id <> other.track_id
            qualify row_number() over (partition by one.track_id
                order by list_cosine_similarity(one.embedding, other.embedding) desc) = 1)
        select genre, count(*) as songs, count_if(genre = near_genre) as neighbour_of_the_genre,
            count_if(artist = near_artist) as neighbour_by_the_artist
        from nearest group by rollup (genre) order by genre nulls last
    """)
    neighbours
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    The last row is the whole library. Of the neighbours that share the genre, three in four share
    the artist, too: the embedding recognises the artist first. A split that ignores artists
    rewards this memory as if it were knowledge of genres. [An honest score](honest_score.md)
    measures by how much.

    ## The spectrograms themselves

    The view `spectrograms` reads the Parquet shards: one row a fragment, the matrix as a list,
    band by band. Here is the mean spectrum of each genre, in the 12 bands of the thesis.
    """)
    return


@app.cell
def _(library, np, plt):
    fragments = library.sql("""
        select genre, track_id, n_bands, n_frames, "values" from spectrograms
        where representation = 'thesis' order by track_id, fragment
    """).fetchnumpy()
    n_bands, n_frames = int(fragments["n_bands"][0]), int(fragments["n_frames"][0])
    matrices = np.stack(list(fragments["values"])).reshape(-1, n_bands, n_frames)
    level = np.log10(matrices.mean(axis=2) + 1e-6)

    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    colours = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
    markers = "osDv^P"
    for colour, marker, genre in zip(colours, markers, np.unique(fragments["genre"]), strict=True):
        of_genre = level[fragments["genre"] == genre]
        axes.plot(
            range(1, n_bands + 1), of_genre.mean(axis=0), color=colour, marker=marker, label=genre
        )
    axes.set(xlabel="band, low to high", ylabel="mean level (log10)", xticks=range(1, n_bands + 1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    figure
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    A mean over all fragments shows what genres have in common and hides how much the songs of a
    genre differ.

    ## Take it along

    A relation becomes what your tools read: `.df()` for pandas, `.pl()` for Polars,
    `.fetchnumpy()` for arrays. The store is read-only, so nothing that is done here can harm the
    library. Views and columns are a public interface; see [the reference](../reference/sql.md)
    and [recipes](../reference/recipes.md).
    """)
    return


if __name__ == "__main__":
    app.run()

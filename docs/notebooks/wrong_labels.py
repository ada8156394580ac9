"""Notebook: wrong labels, planted and found again. Open it with ``marimo edit``."""

import marimo

app = marimo.App()


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    # Find wrong labels

    Every large music collection has songs with a wrong genre: a slip, a whole album tagged by its
    label's name, an artist filed under the genre of another record. A model that is trained on
    such labels learns them, and a test that uses them counts right answers as errors.

    The usual way to find them is **confident learning** (Northcutt, Jiang and Chuang, JAIR 70,
    2021): predict each song with a model that was not trained on it, and look at the songs whose
    own label is improbable. How well does that work, and for which errors? This notebook plants
    wrong labels into a library whose labels are right, and counts how many come up. The library
    is the built-in one, 54 composed songs by 24 artists: how far the method carries on your music
    has to be tried on your music, in the same way.
    """)
    return


@app.cell
def _():
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import genreflow

    library = genreflow.open()
    return (
        LogisticRegression,
        StandardScaler,
        StratifiedGroupKFold,
        cross_val_predict,
        library,
        make_pipeline,
        mo,
        np,
        pd,
        plt,
        roc_auc_score,
    )


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Songs as vectors

    One vector a song, the mean embedding of a pretrained tagger, with its label and its artist.
    """)
    return


@app.cell
def _(library, np):
    rows = library.sql("""
        select embedding, track_id, genre, artist, artist || ': ' || title as name
        from song_embeddings join tracks using (track_id)
        where representation = 'musicnn' order by track_id
    """).fetchnumpy()
    songs = np.stack(list(rows["embedding"]))
    labels, artist, name = (rows[column].astype(str) for column in ("genre", "artist", "name"))
    genres = np.unique(labels)
    songs.shape
    return artist, genres, labels, name, songs


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## How probable is each label?

    A logistic regression predicts each song from the songs of other folds. Songs of one artist
    are in one fold, so that an artist's other songs, which mostly got their label together with
    it, cannot vouch for it.
    """)
    return


@app.cell
def _(
    LogisticRegression,
    StandardScaler,
    StratifiedGroupKFold,
    artist,
    cross_val_predict,
    genres,
    make_pipeline,
    np,
    songs,
):
    def label_confidence(given, groups=artist, seed=0):
        """Out-of-fold probability of the label that each song was given."""
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        folds = StratifiedGroupKFold(4, shuffle=True, random_state=seed)
        probabilities = cross_val_predict(
            model, songs, given, groups=groups, cv=folds, method="predict_proba"
        )
        return probabilities[np.arange(len(given)), np.searchsorted(genres, given)]

    return (label_confidence,)


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Five wrong labels

    Five songs get another genre. The twelve least probable labels:
    """)
    return


@app.cell
def _(genres, label_confidence, labels, name, np, pd):
    def mislabel(chosen, rng):
        """Labels in which the chosen songs have another genre, drawn at random."""
        given = labels.copy()
        given[chosen] = [rng.choice(genres[genres != label]) for label in labels[chosen]]
        return given

    planted_rng = np.random.default_rng(4)
    planted = planted_rng.choice(len(labels), 5, replace=False)
    given = mislabel(planted, planted_rng)
    confidence = label_confidence(given)
    pd.DataFrame(
        {
            "song": name,
            "label": given,
            "confidence": confidence.astype(float).round(3),
            "planted": np.where(np.isin(np.arange(len(labels)), planted), "yes: " + labels, ""),
        }
    ).iloc[np.argsort(confidence)[:12]]
    return confidence, given, mislabel, planted


@app.cell
def _(confidence, genres, given, np, planted, plt):
    figure, axes = plt.subplots(figsize=(7.5, 2.9), layout="constrained")
    is_planted = np.isin(np.arange(len(given)), planted)
    height = np.searchsorted(genres, given) + np.random.default_rng(0).uniform(
        -0.2, 0.2, len(given)
    )
    for chosen, colour, marker, label in (
        (~is_planted, "#0072b2", "o", "label as composed"),
        (is_planted, "#d55e00", "D", "planted"),
    ):
        axes.scatter(confidence[chosen], height[chosen], c=colour, marker=marker, label=label)
    axes.set_xscale("log")
    axes.set_yticks(range(len(genres)), genres)
    axes.set(xlabel="out-of-fold probability of the label that the song was given")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False
    )
    figure
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    Three of the five planted labels are among the four least probable ones; the other two hide
    among songs that the model does not understand. **A suspect is a song to listen to, not an
    error.** One draw of five songs also says little. So:

    ## Fifty times

    Two kinds of errors are planted. *Single songs*: five songs anywhere. *Whole artists*: all
    songs of two artists move to one other genre each, as when a tag is given by artist. And two
    kinds of folds: by song and by artist. The score is the area under the ROC curve: the
    probability that a planted song is less confident than one whose label is right; 0.5 is
    chance. The interval holds 95 % of the draws.
    """)
    return


@app.cell
def _(artist, genres, label_confidence, labels, mislabel, np, pd, roc_auc_score):
    def single_songs(rng):
        chosen = rng.choice(len(labels), 5, replace=False)
        return mislabel(chosen, rng)

    def whole_artists(rng):
        given = labels.copy()
        for one in rng.choice(np.unique(artist), 2, replace=False):
            own = artist == one
            given[own] = rng.choice(np.setdiff1d(genres, labels[own]))
        return given

    def measure(plant, groups, n_draws=50):
        """Area under the curve, and the share of planted songs among as many suspects, by draw."""
        scores = []
        for seed in range(n_draws):
            given = plant(np.random.default_rng(seed))
            confidence, is_wrong = label_confidence(given, groups, seed), given != labels
            listed = np.argsort(confidence)[: is_wrong.sum()]
            scores.append((roc_auc_score(is_wrong, -confidence), is_wrong[listed].mean()))
        return np.array(scores)

    each = np.arange(len(labels))
    found = {
        (error, fold): measure(plant, groups)
        for error, plant in (("single songs", single_songs), ("whole artists", whole_artists))
        for fold, groups in (("by song", each), ("by artist", artist))
    }

    def spread(values):
        low, high = np.quantile(values, (0.025, 0.975))
        return f"{values.mean():.2f} [{low:.2f}, {high:.2f}]"

    pd.DataFrame(
        [
            {
                "planted": error,
                "folds": fold,
                "area under the curve": spread(scores[:, 0]),
                "planted among the first n": spread(scores[:, 1]),
            }
            for (error, fold), scores in found.items()
        ]
    )
    return (found,)


@app.cell
def _(found, np, plt):
    def draw_found():
        figure, axes = plt.subplots(figsize=(7.5, 2.6), layout="constrained")
        for place, ((_error, fold), scores) in enumerate(found.items()):
            area = scores[:, 0]
            colour, marker = ("#0072b2", "o") if fold == "by song" else ("#d55e00", "D")
            axes.plot(np.quantile(area, (0.025, 0.975)), [place, place], color=colour)
            axes.plot(area.mean(), place, marker=marker, color=colour)
        axes.axvline(0.5, color="#666666", linestyle=":")
        axes.set_yticks(range(len(found)), [f"{error}, folds {fold}" for error, fold in found])
        axes.set(xlim=(0, 1.02), ylim=(len(found) - 0.5, -0.5))
        axes.set_xlabel("area under the ROC curve, mean and 95 % of 50 draws; dotted: chance")
        axes.spines[["top", "right"]].set_visible(False)
        return figure

    draw_found()
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    Wrong labels of single songs come up well with either kind of folds. Those of whole artists
    are where the folds decide: by song, the artist's other songs carry the same wrong label and
    vouch for it; by artist, they cannot. The price is small: with folds by artist, the model
    knows less of the artist of a single song.

    The intervals are wide: with five errors in 54 songs, much is luck. In a list as long as the
    number of errors, by artist, half to two thirds are errors; the others are songs that the
    model does not understand. Correct labels by ear, never by list: a model that corrects its own
    labels only agrees with itself more.

    ## What genreflow does

    The same, by artist, with the head that it predicts with; it fits the heads again without the
    songs that were predicted otherwise, so that one wrong label does not support another. Each
    training renews the view `suspects`, with the nearest songs by other artists to compare with.
    Labels of the built-in library count as confirmed, so that its list is empty:
    """)
    return


@app.cell
def _(library):
    library.sql("select count(*) as suspects from suspects")
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    On your own music, `library.sql("from suspects")` or `genreflow suspects` lists them, and
    `genreflow decide ID GENRE` confirms or corrects one: [labels](../how-to/labels.md). The
    decision is logged, holds for all copies of the recording, and can be taken back.
    """)
    return


if __name__ == "__main__":
    app.run()

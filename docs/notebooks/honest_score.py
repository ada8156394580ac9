"""Notebook: one model, five ways to score it. Open it with ``marimo edit``."""

import marimo

app = marimo.App()


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    # An honest score, step by step

    One model on one set of songs can score 1.00 or 0.60: it depends on how the examples are
    split. This notebook climbs down from the most flattering protocol to one that holds for
    artists whom the model does not know, and fixes one fault at each rung. A second curve shows
    what each protocol measures when there is nothing to learn.

    The songs are those of the built-in library: 54 pieces by 24 invented artists, in six genres.
    The faults are those that published results on music genres have: Flexer measured what an
    artist in both subsets adds (*A closer look on artist filters for musical genre
    classification*, ISMIR 2007), and Sturm lists the faults of the collection GTZAN (*The state
    of the art ten years after a state of the art*, Journal of New Music Research, 2014).
    """)
    return


@app.cell
def _():
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import genreflow

    library = genreflow.open()
    return (
        KNeighborsClassifier,
        StandardScaler,
        StratifiedGroupKFold,
        StratifiedKFold,
        cross_val_predict,
        library,
        make_pipeline,
        mo,
        np,
        pd,
        plt,
    )


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## Examples, songs, artists

    Each song gives six windows of three seconds, and each window 500 numbers by a pretrained
    tagger. To count the windows as examples is the first temptation: there are 324 of them, but
    only 54 songs, and only 24 artists.
    """)
    return


@app.cell
def _(library, np, pd):
    rows = library.sql("""
        select "values", track_id, artist, genre
        from spectrograms join tracks using (track_id, genre)
        where representation = 'musicnn' order by track_id, fragment
    """).fetchnumpy()
    windows = np.stack(list(rows["values"]))
    song, artist, genre = (rows[name].astype(str) for name in ("track_id", "artist", "genre"))
    pd.DataFrame(
        {
            "windows": [len(windows)],
            "songs": [len(np.unique(song))],
            "artists": [len(np.unique(artist))],
            "genres": [len(np.unique(genre))],
        }
    )
    return artist, genre, song, windows


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    ## The rungs

    The model is the plainest there is: the genre of the nearest training window. It has no
    parameter to tune, so that nothing but the protocol changes.

    - **0, test on the training windows.** Nobody would, but a split that is drawn anew in each
      epoch does just that.
    - **1, split by window.** Windows of one song are in both subsets: the model may recognise the
      song.
    - **2, split by song.** Songs of one artist are in both subsets: the model may recognise the
      artist, the studio, the instrument.
    - **3, split by artist.** What is left is what carries over to new artists.

    Each rung is also scored on **permuted labels**: whole songs swap their labels at random, so
    that there is nothing to learn but which song, or which artist, has which label. An honest
    protocol scores chance on them, 1/6.
    """)
    return


@app.cell
def _(
    KNeighborsClassifier,
    StandardScaler,
    StratifiedGroupKFold,
    StratifiedKFold,
    artist,
    cross_val_predict,
    genre,
    make_pipeline,
    np,
    song,
    windows,
):
    def nearest():
        return make_pipeline(StandardScaler(), KNeighborsClassifier(1))

    def permute_songs(labels, seed):
        """Give each song the label of another one."""
        names, first = np.unique(song, return_index=True)
        shuffled = np.random.default_rng(seed).permutation(labels[first])
        return shuffled[np.searchsorted(names, song)]

    def folds_by(groups, seed):
        if groups is None:
            return StratifiedKFold(5, shuffle=True, random_state=seed)
        return StratifiedGroupKFold(5, shuffle=True, random_state=seed)

    def right_windows(labels, groups, seed):
        """Whether each window is predicted right by a model that was fitted without its fold."""
        predicted = cross_val_predict(
            nearest(), windows, labels, cv=folds_by(groups, seed), groups=groups
        )
        return predicted == labels

    rungs = {
        "0  tested on the training windows": lambda labels, seed: (
            nearest().fit(windows, labels).predict(windows) == labels
        ),
        "1  split by window": lambda labels, seed: right_windows(labels, None, seed),
        "2  split by song": lambda labels, seed: right_windows(labels, song, seed),
        "3  split by artist": lambda labels, seed: right_windows(labels, artist, seed),
    }
    N_SEEDS = 10
    true = {
        name: np.mean([score(genre, seed) for seed in range(N_SEEDS)], axis=0)
        for name, score in rungs.items()
    }
    permuted = {
        name: np.mean([score(permute_songs(genre, seed), seed) for seed in range(N_SEEDS)], axis=0)
        for name, score in rungs.items()
    }
    return permuted, rungs, true


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    Ten draws of the folds, and ten permutations, each a share of right windows; they are averaged
    by window, so that only the choice of songs and artists is left as a source of chance.

    ## An interval that counts artists

    How far would the score move with other songs of the same kind? A bootstrap draws the examples
    again, with replacement. Which examples? If windows are drawn, 324 coins are tossed that in
    truth fall together: all windows of a song, and mostly all songs of an artist, are right or
    wrong at once. The unit to draw is the one that is independent: the artist.
    """)
    return


@app.cell
def _(artist, np, pd, permuted, song, true):
    def bootstrap(right, groups, n_draws=2000):
        """95 % interval of the mean, drawing whole groups."""
        names, member = np.unique(groups, return_inverse=True)
        sums, sizes = np.bincount(member, right), np.bincount(member)
        drawn = np.random.default_rng(0).integers(len(names), size=(n_draws, len(names)))
        return np.quantile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), (0.025, 0.975))

    def with_interval(right, groups):
        low, high = bootstrap(right, groups)
        return f"{right.mean():.2f} [{low:.2f}, {high:.2f}]"

    pd.DataFrame(
        [
            {
                "rung": name,
                "true labels": with_interval(true[name], artist),
                "permuted labels": with_interval(permuted[name], artist),
            }
            for name in true
        ]
    )
    return bootstrap, with_interval


@app.cell
def _(artist, bootstrap, np, permuted, plt, true):
    figure, axes = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
    for right, colour, marker, shift, label in (
        (true, "#0072b2", "o", -0.12, "true labels"),
        (permuted, "#d55e00", "D", 0.12, "permuted labels"),
    ):
        values = np.array([one.mean() for one in right.values()])
        ends = np.array([bootstrap(one, artist) for one in right.values()]).T
        axes.errorbar(
            values,
            np.arange(len(values)) + shift,
            xerr=np.maximum(0, [values - ends[0], ends[1] - values]),
            fmt=marker,
            color=colour,
            capsize=3,
            label=label,
        )
    axes.axvline(1 / 6, color="#666666", linestyle=":", label="chance")
    axes.set_yticks(range(len(true)), list(true))
    axes.set(
        xlim=(0, 1.03), ylim=(len(true) - 0.5, -0.5), xlabel="accuracy by window, 95 % by artist"
    )
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
    figure
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    Read the orange marks first. On rung 1, with labels that mean nothing, the model is right on
    two windows in three: it finds another window of the same song in the training set and repeats
    its label. **A score of that size needs no knowledge of genres.** From rung 2 on, permuted
    labels score about what chance scores.

    The step from rung 2 to rung 3 is invisible to permuted labels, since whole songs swapped them
    one by one; yet it is larger than the one before: songs of one artist resemble each other.
    Only the last rung answers the question that a user has: what happens with artists that were
    not trained on?

    ## What a wrong unit does to the interval

    The same answers of the last rung, with intervals by window, by song and by artist:
    """)
    return


@app.cell
def _(artist, np, pd, song, true, with_interval):
    last = list(true.values())[-1]
    units = {"window": np.arange(len(last)), "song": song, "artist": artist}
    pd.DataFrame(
        [
            {
                "drawn": unit,
                "units": len(np.unique(groups)),
                "accuracy": with_interval(last, groups),
            }
            for unit, groups in units.items()
        ]
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    The score is the same; the interval by window is about half as wide. It promises a precision
    that 24 artists cannot give.

    ## From windows to songs

    People ask for the genre of a song. The windows of a song vote, and one row a song is scored:
    """)
    return


@app.cell
def _(artist, np, pd, song, true, with_interval):
    last_rung = list(true.values())[-1]
    _, first, member = np.unique(song, return_index=True, return_inverse=True)
    by_song = (np.bincount(member, last_rung) / np.bincount(member) > 0.5).astype(float)
    pd.DataFrame([{"scored": "songs, by vote", "accuracy": with_interval(by_song, artist[first])}])
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    (A song counts as right if more than half of its windows are, over the ten draws.)

    ## What genreflow reports

    genreflow fits its models on training artists, chooses among them on validation artists, and
    reports songs by artists of a third subset, once. The interval is by artist, too:
    """)
    return


@app.cell
def _(library, pd):
    pd.DataFrame(
        [
            {
                "network": run.network,
                "test accuracy": f"{run.test_accuracy:.2f} "
                f"[{run.test_accuracy_low:.2f}, {run.test_accuracy_high:.2f}]",
            }
            for run in library.runs
            if run.network == "head"
        ]
    )
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    The interval is far wider than that of the cross-validation above, because a single test
    subset of this library has twelve songs by six artists. Neither number contradicts the other.
    To say more, the library needs more artists, not more windows.

    What this notebook does not show: the songs are composed, with artists that differ by design.
    On real music the steps have other sizes; whether they are there is what [the
    audit](../explanation/audit.md) tests on yours, and `genreflow ladder` measures with a neural
    network and with [all faults of a published protocol](../explanation/ladder.md). For features
    of your own, `genreflow.audit` checks a table.
    """)
    return


if __name__ == "__main__":
    app.run()

"""Settings: the file, then the environment, then the command line; each later one is stronger."""

from dataclasses import replace
from pathlib import Path

import pytest

from flows.engine import RunnerConfig
from flows.settings import SETTINGS_FILE, Settings, read_settings
from genre_core.errors import UsageError
from genre_core.training.augmentation import AugmentationConfig
from storage.embeddings.config import EmbeddingConfig
from storage.sources.listing import KnownMusic, remember_music

MODEL = 'file = "m.onnx"\nsample_rate = 16_000\nwindow_s = 1.0\nlicence = "CC0"\n'


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / SETTINGS_FILE


def test_without_settings_the_thesis_decides(settings_file: Path) -> None:
    config = read_settings()

    assert config == Settings()
    assert (config.fragments.n_fragments, config.fragments.longest_s) == (15, 3.0)
    assert (config.fragments.margin_s, config.fragments.shortest_s) == (30.0, 10.0)
    assert (config.training.patience_epochs, config.training.batch_size) == (50, 32)


def test_the_file_is_read_from_the_working_directory(settings_file: Path) -> None:
    settings_file.write_text(
        'genres = ["jazz", "rock"]\nshards = "s3://music/spectrograms"\n'
        'tracking = "https://mlflow.example.org/"\n[fragments]\nmargin_s = 10.0\n'
        '[runner]\nkind = "dask"\nworkers = 40\naddress = "tcp://head:8786"\n',
        encoding="utf-8",
    )

    config = read_settings()

    assert config.genres == ("jazz", "rock")
    assert (config.fragments.margin_s, config.fragments.n_fragments) == (10.0, 15)
    assert config.layout.shards_uri == "s3://music/spectrograms"
    assert config.layout.tracking_server == "https://mlflow.example.org"
    assert config.runner == RunnerConfig(kind="dask", workers=40, address="tcp://head:8786")


def test_a_file_with_a_byte_order_mark_is_read_and_another_encoding_refused(
    settings_file: Path,
) -> None:
    text = 'genres = ["jazz", "rock"]\r\n'

    settings_file.write_text(text, encoding="utf-8-sig")
    assert read_settings().genres == ("jazz", "rock")
    settings_file.write_text(text, encoding="utf-16")
    with pytest.raises(UsageError, match="Save it as UTF-8"):
        read_settings()


def test_the_environment_is_stronger_than_the_file_and_the_command_line_than_both(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text(
        'home = "a"\nseeds = [1]\nsplit_seed = 1\nmusic = "file"\n', encoding="utf-8"
    )
    monkeypatch.setenv("GENREFLOW_SEEDS", "[2]")
    monkeypatch.setenv("GENREFLOW_HOME", "b")

    config = read_settings(home=Path("c"), networks=None, music="")

    assert config.home == Path("c")
    assert config.seeds == (2,)
    assert (config.split_seed, config.music) == (1, "file")


def test_augmentation_is_set_in_a_table_of_the_training(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text("[training.augmentation]\nmixup = 0.2\n", encoding="utf-8")
    monkeypatch.setenv("GENREFLOW_TRAINING__AUGMENTATION__BAND_MASK", "0.1")

    training = read_settings().training

    assert training.augmentation == AugmentationConfig(mixup=0.2, band_mask=0.1)
    assert training.max_epochs == 300


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "fragment_length = 3",
            "line 1: there is no setting `fragment_length`. The nearest is `fragment_lengths_s`.",
        ),
        ("nonsense = 3", "there is no setting `nonsense`. The page Settings"),
        ("\nseeds = 'many'", "genreflow.toml, line 2: seeds is 'many'; use a list."),
        ("seeds = [1", "genreflow.toml, end of document: Unclosed array. Correct it"),
        ("[training]\nmax_epochs = 0", "genreflow.toml, line 2: training.max_epochs is 0"),
        ("[training.augmentation]\nmixup = -1", "training.augmentation.mixup is -1"),
        (
            "[training.augmentation]\nnoise = 1",
            "line 2: there is no setting `training.augmentation.noise`",
        ),
        ("[fragments]\nlength = 1", "line 2: there is no setting `fragments.length`"),
        ("[training]\nmax_epoch = 1", "line 2: there is no setting `training.max_epoch`."),
        ("unlabelled = 'maybe'", "line 1: unlabelled is 'maybe'; use true or false."),
        ("music = ~/Music", "genreflow.toml, line 1, column 9: Invalid value. Correct it; text"),
        ("[fragments]\nn_fragments = 0", "n_fragments must be 1 or more"),
        (
            "networks = ['vgg']",
            "line 1: There is no network 'vgg'. Choose among: head, head_no_prior, ",
        ),
        ("networks = []", "Name at least one network"),
        (
            "representations = ['mel']",
            "There is no representation 'mel'. Choose among: musicnn, musicnn_vgg, ",
        ),
        ("fragment_lengths_s = [0.0]", "A fragment cannot last 0 s"),
        ("fragment_lengths_s = [nan]", "A fragment cannot last nan s"),
        ("fragment_lengths_s = [inf]", "A fragment cannot last inf s"),
        ("fragment_lengths_s = [0.1]", "it must last a frame at least"),
        ("device = 'gpu'", "`device` is 'gpu'; use cpu or auto"),
        ("notify = 'my-block'", "name a block of Prefect as <type>/<name>"),
        ("[prediction]\ncoverage = 90", "prediction.coverage is 90.0; use a share between 0 and 1"),
        ("[sites]\nfailures_to_open = 0", "sites.failures_to_open is 0; use 1 or more"),
        ("[sites]\nrate_limit_bytes_per_s = -1", "sites.rate_limit_bytes_per_s is -1; use 0 or"),
        ("[genre_map]\n'Hip-Hop' = ''", "genre_map"),
        ("[genre_map]\n' ' = 'jazz'", "genre_map"),
        ("tracking = 'postgresql://ada@127.0.0.1/mlflow'", "`tracking` is no address"),
        ("[runner]\nkind = 'spark'", "line 2: runner.kind is 'spark'; use 'threads' or 'dask'."),
        ("[runner]\nworkers = -1", "runner.workers is -1; use 0 or more"),
        ("[runner]\naddress = 'tcp://head:8786'", 'set runner.kind = "dask", too'),
        ("[runner]\nkind = 'dask'\naddress = 'tcp://head'", "tcp://machine:8786"),
        ("[runner]\nkind = 'dask'\naddress = 'http://head:8786'", "tcp://machine:8786"),
        ("[embeddings.mine]\nsample_rate = 16_000", "line 1: `embeddings.mine.file` is missing."),
        (
            f"[embeddings.mine]\n{MODEL}rate = 16_000",
            "The nearest is `embeddings.mine.sample_rate`.",
        ),
        (f"[embeddings.mine]\n{MODEL}hop_s = -1", "line 1: window_s is 1"),
        (
            f"[embeddings.thesis]\n{MODEL}",
            "line 1: [embeddings.thesis] bears the name of a built-in",
        ),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_in_a_sentence(
    settings_file: Path, text: str, sentence: str
) -> None:
    settings_file.write_text(text, encoding="utf-8")

    with pytest.raises(UsageError) as refusal:
        read_settings()

    assert sentence in str(refusal.value)
    assert not str(refusal.value).endswith("..")


def test_the_password_of_the_page_is_no_setting(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text("")
    monkeypatch.setenv("GENREFLOW_WEB_PASSWORD", "opensesame")
    assert read_settings() == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("GENREFLOW_GENRES", "jazz,rock", "GENREFLOW_GENRES is 'jazz,rock'; .* written as JSON"),
        ("GENREFLOW_SEEDS", '["one"]', "GENREFLOW_SEEDS: seeds.0 is 'one'; use a whole number"),
        ("GENREFLOW_NETWORKS", '["vgg"]', "GENREFLOW_NETWORKS: There is no network 'vgg'"),
        ("GENREFLOW_FRAGMENTS__MARGIN_S", "wide", "margin_s is 'wide'; use a number"),
        ("GENREFLOW_TRAINING__MAX_EPOCHS", "0", "^GENREFLOW_TRAINING__MAX_EPOCHS: .* 1 or more"),
        ("GENREFLOW_FRAGMENTS__MARGIN", "1", "The nearest is GENREFLOW_FRAGMENTS__MARGIN_S"),
        ("GENREFLOW_TRAINING_MAX_EPOCHS", "1", "nearest is GENREFLOW_TRAINING__MAX_EPOCHS"),
        ("GENREFLOW_HOM", "x", "GENREFLOW_HOM is no setting. The nearest is GENREFLOW_HOME."),
        ("genreflow_hom", "x", "genreflow_hom is no setting. The nearest is GENREFLOW_HOME."),
        ("GENREFLOW_NONSENSE", "1", "GENREFLOW_NONSENSE is no setting. The page Settings"),
        ("GENREFLOW_HOME__X", "1", "GENREFLOW_HOME__X is no setting"),
    ],
)
def test_a_variable_that_is_no_setting_or_makes_no_sense_is_told_in_a_sentence(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(UsageError, match=sentence):
        read_settings()


def test_an_empty_variable_is_no_value(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text('home = "a"\n', encoding="utf-8")
    monkeypatch.setenv("GENREFLOW_HOME", "")
    monkeypatch.setenv("GENREFLOW_GENRES", "")

    config = read_settings()

    assert (config.home, config.genres) == (Path("a"), ())


def test_every_fault_of_the_file_is_told_on_a_line_of_its_own(settings_file: Path) -> None:
    settings_file.write_text(
        "# a comment\nseeds = 1\n\n[training]\nepochs = 3\nbatch_size = 'x'\n", encoding="utf-8"
    )

    with pytest.raises(UsageError) as refusal:
        read_settings()

    places = sorted(line.partition(":")[0] for line in str(refusal.value).splitlines())
    assert places == [f"genreflow.toml, line {number}" for number in (2, 5, 6)]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_file_may_begin_with_a_byte_order_mark_and_end_lines_as_windows_does(
    settings_file: Path, mark: str
) -> None:
    settings_file.write_bytes(f'{mark}genres = ["rock"]\r\n[training]\r\n'.encode())

    assert read_settings().genres == ("rock",)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_in_another_encoding_is_told(settings_file: Path, encoding: str) -> None:
    settings_file.write_text('music = "Müsik"\n', encoding=encoding)

    with pytest.raises(UsageError, match=r"genreflow.toml is not UTF-8 \(byte \d+\). Save it"):
        read_settings()


def test_a_map_of_labels_is_read_from_the_file_and_the_environment(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text('[genre_map]\n"Hip-Hop" = "hiphop"\n', encoding="utf-8")
    from_file = read_settings().genre_map
    monkeypatch.setenv("GENREFLOW_GENRE_MAP", '{"Old-Time / Historic": "jazz"}')

    assert from_file == {"Hip-Hop": "hiphop"}
    assert read_settings().genre_map["Old-Time / Historic"] == "jazz"


def test_the_command_line_changes_one_setting_of_sites_and_leaves_the_others(
    settings_file: Path,
) -> None:
    settings_file.write_text(
        '[sites]\nfailures_to_open = 5\narchive_file = "had.txt"\n', encoding="utf-8"
    )

    sites = read_settings(sites={"archive_file": "other.txt"}).sites

    assert (sites.failures_to_open, sites.archive_file) == (5, "other.txt")


def test_an_embedding_of_ones_own_is_a_table_of_its_name(settings_file: Path) -> None:
    settings_file.write_text(
        '[embeddings.mine]\nfile = "m.tflite"\nsample_rate = 16_000\nwindow_s = 0.975\n'
        'licence = "Apache-2.0"\noutput = ["embedding", 0]\nlabels = "classes.csv"\n',
        encoding="utf-8",
    )

    mine = read_settings().embeddings["mine"]

    assert mine == EmbeddingConfig(
        file=Path("m.tflite"),
        sample_rate=16_000,
        window_s=0.975,
        licence="Apache-2.0",
        output=("embedding", 0),
        labels="classes.csv",
    )


@pytest.mark.parametrize("label_from", ["tag", "folder", ""])
def test_added_songs_have_the_genre_of_their_manifest_wherever_others_have_theirs(
    tmp_path: Path, label_from: str
) -> None:
    home, music = tmp_path / "home", tmp_path / "music"
    config = Settings(home=home, label_from=label_from)
    for folder in (music, config.layout.added):
        folder.mkdir(parents=True)
        remember_music(config.layout, str(folder), KnownMusic(label_from="tag"))

    known = {Path(one.music).name: one.label_from for one in config.libraries()}
    (named,) = replace(config, music=str(config.layout.added)).libraries()

    assert known == {"music": label_from or "tag", "added": "manifest"}
    assert named.label_from == "manifest"

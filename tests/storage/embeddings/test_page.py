"""The settings on the page about embeddings are settings."""

import re
import tomllib
from pathlib import Path

from flows.settings import Settings
from storage.embeddings.config import EmbeddingConfig

PAGE = (Path(__file__).parents[3] / "docs" / "embeddings.md").read_text("utf-8")


def test_every_example_of_the_page_can_be_read() -> None:
    examples = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)]

    read = [Settings.model_validate(example) for example in examples]

    assert [list(settings.embeddings) for settings in read] == [["yamnet"], [], ["vibenet"]]
    assert read[0].embeddings["yamnet"].outputs == ("/model/Reshape_output_0", "class_scores")


def test_the_table_names_every_setting() -> None:
    table = PAGE.split("| setting |")[1].split("\n\n")[0]

    named = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)

    assert sorted(named) == sorted(EmbeddingConfig.__dataclass_fields__)

"""Write the generated pages of the reference: ``python -m docs.generator``."""

from pathlib import Path

from docs.generator.pages import generate

if __name__ == "__main__":
    for name, text in generate().items():
        (Path(__file__).parents[1] / "reference" / name).write_text(text, encoding="utf-8")

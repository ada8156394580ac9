"""The id of a home: what marks places elsewhere as its own."""

import uuid

from storage.layout import DataLayout


def read_home_id(layout: DataLayout) -> str:
    """Give the id of a home; the first time makes one."""
    if not layout.home_id.exists():
        part = layout.home_id.with_suffix(f".{uuid.uuid4().hex}.part")
        layout.home.mkdir(parents=True, exist_ok=True)
        part.write_text(uuid.uuid4().hex, "utf-8")
        part.replace(layout.home_id)
    return layout.home_id.read_text("utf-8")

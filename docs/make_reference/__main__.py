"""Write the pages: `PYTHONPATH=docs python -m make_reference`, which is `make docs`."""

from __future__ import annotations

from make_reference.pages import REFERENCE, render_pages

REFERENCE.mkdir(exist_ok=True)
for name, text in render_pages().items():
    (REFERENCE / name).write_text(text, encoding="utf-8")

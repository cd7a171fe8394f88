"""Writes the pages of `docs/reference/` from the models, their docstrings and the plugin.

sources      what the source says that a running program has forgotten: docstrings, expressions
forms        from an annotation to how people write such a value
keys         the keys of a model: form, default, meaning
sections     which models a page has, and under which headings
markdown     headings, anchors, tables, links
backlinks    which task pages explain a section: those that link to it
yaml_pages   `charly-yml.md` and `libvirt.md`
pytest_page  `pytest.md`
pages        all of them

`make docs` writes them; a test says when they are not current. Not part of the wheel.
"""

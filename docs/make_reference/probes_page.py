"""`probes.md`: the methods of the probes, and what each of them takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from charly_vm.model.probes import PROBES, Method
from make_reference.backlinks import Place
from make_reference.keys import doc_of
from make_reference.markdown import code, join
from make_reference.sections import Page
from make_reference.sources import flat
from make_reference.yaml_pages import HOW_TO_READ, MADE

PAGE = "probes.md"


def render_probes(backlinks: Mapping[str, list[Place]]) -> str:
    """The page about the methods of all probes."""
    page = Page(PAGE, backlinks)
    parts = [part for probe in PROBES for part in _probe(page, probe)]
    intro = f"""\
What may be asked of a machine by the verbs [libvirt](charly-yml.md#verb-libvirt) and
[spice](charly-yml.md#verb-spice), and by `charly check libvirt METHOD BED` and
`charly check spice METHOD BED`. [Probes](../probes.md) explains them by examples. {HOW_TO_READ}"""
    body = join([*parts, page.render_forms(), page.render_index()])
    return join([MADE, "# The probes: all methods", flat(intro), body])


def _probe(page: Page, probe: str) -> Iterator[str]:
    yield f"## {probe}"
    for name, method in PROBES[probe].items():
        path = (probe, name)
        if not method.model_fields:
            yield f"### {probe}: {name}"
            yield doc_of(method)
            continue
        sections = page.add(method, path, f"{probe}: {name}", level=3, first=method.main)
        yield from (
            page.render(section, more=[doc_of(method), _typed(method)]) for section in sections
        )


def _typed(method: type[Method]) -> str:
    if not method.main:
        return ""
    return f"On the command line {code(method.main)} may be written without its name."

"""Which models a page has, under which headings, and where each is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from charly_vm.model.base import Model, Open
from make_reference.backlinks import Place
from make_reference.forms import Forms
from make_reference.keys import HEAD, Key, doc_of, form_of, inside_rules, keys_of
from make_reference.markdown import code, join, slug, table

DEEPEST = 4
"""The level of headings below which they all look alike."""


@dataclass
class Section:
    """One model, under the path of keys where it is first met."""

    model: type[Model]
    path: tuple[str, ...]
    heading: str
    level: int
    also: list[str] = field(default_factory=list)
    """Further paths where the same may be written."""
    keys: Sequence[Key] = ()

    @property
    def anchor(self) -> str:
        return slug(self.heading)


class Page:
    """The sections of a page. Adding a root model adds all that can be written inside of it."""

    def __init__(
        self,
        name: str,
        backlinks: Mapping[str, list[Place]],
        known_forms: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.sections: list[Section] = []
        self._backlinks = backlinks
        self._elsewhere: dict[type[Model], str] = {}
        self._by_model: dict[type[Model], Section] = {}
        self._found: list[tuple[type[Model], str]] = []
        self.forms = Forms(self._link, known_forms or {})

    def link_elsewhere(self, model: type[Model], link: str) -> None:
        """A model that another page has."""
        self._elsewhere[model] = link

    def add(
        self,
        model: type[Model],
        path: tuple[str, ...],
        heading: str,
        *,
        level: int = 2,
        notes: Mapping[str, str] | None = None,
        first: str = "",
    ) -> list[Section]:
        """The section of a model, and behind it those of the models inside, in their keys' order.

        Raises `ValueError` where two sections would have one anchor.
        """
        section = Section(model, path, heading, level)
        if section.anchor in {one.anchor for one in self.sections}:
            raise ValueError(f"{self.name} has two sections #{section.anchor}")
        self.sections.append(section)
        self._by_model[model] = section
        section.keys = keys_of(model, self.forms, notes or {}, first=first)
        added = [section]
        for key in section.keys:
            for inner, which in self._models_behind(model, key.name):
                added += self._add_inner(inner, (*path, key.name), which, level)
        # Now that all sections are known, every link has its target.
        section.keys = keys_of(model, self.forms, notes or {}, first=first)
        return added

    def render(self, section: Section, *, more: Sequence[str] = (), after: str = "") -> str:
        """Heading, meaning, keys, and who explains it."""
        places = self._backlinks.get(f"{self.name}#{section.anchor}", [])
        explained = f"See {', '.join(place.link for place in places)}." if places else ""
        also = ", ".join(code(one) for one in section.also)
        return join(
            [
                f"{'#' * section.level} {section.heading}",
                doc_of(section.model) if not more else "",
                *more,
                explained,
                f"The same is written at {also}." if also else "",
                table(HEAD, [key.row for key in section.keys]),
                inside_rules(section.model),
                "Other keys are kept." if issubclass(section.model, Open) else "",
                after,
            ]
        )

    def render_forms(self) -> str:
        """What the forms in the tables mean in full."""
        lines = [f"- {words}: {rest}" for words, rest in sorted(self.forms.explained.items())]
        return join(["## Forms", "\n".join(lines)])

    def render_index(self) -> str:
        """Every key, and the sections that have it."""
        places: dict[str, list[str]] = {}
        for section in self.sections:
            for key in section.keys:
                link = f"[{section.heading}](#{section.anchor})"
                places.setdefault(key.name, []).append(link)
        lines = [f"- {code(name)}: {', '.join(links)}" for name, links in sorted(places.items())]
        return join(["## All keys", "\n".join(lines)])

    def contents(self, text: str) -> Iterator[str]:
        """A line for each part of the page, whose text this is."""
        for line in text.splitlines():
            if line.startswith("## "):
                yield f"- [{line[3:]}](#{slug(line[3:])})"

    def _add_inner(
        self, model: type[Model], path: tuple[str, ...], which: str, level: int
    ) -> list[Section]:
        words = [*path, which] if which and which != path[-1] else [*path]
        if known := self._by_model.get(model):
            place = ".".join(words[1:])
            if place != ".".join(known.path[1:]) and place not in known.also:
                known.also.append(place)
            return []
        return self.add(model, tuple(words), ": ".join(words), level=min(level + 1, DEEPEST))

    def _models_behind(self, model: type[Model], key: str) -> list[tuple[type[Model], str]]:
        """The models that a key's value may be of, which asking for its form brings up."""
        name = next(name for name, one in model.model_fields.items() if (one.alias or name) == key)
        self._found = []
        form_of(model, name, self.forms)
        found, self._found = self._found, []
        return [one for one in found if one[0] not in self._elsewhere]

    def _link(self, model: type[Model], which: str) -> str:
        if model in self._elsewhere:
            return self._elsewhere[model]
        self._found.append((model, which))
        section = self._by_model.get(model)
        if section is None:
            return ""
        return f"[{section.path[-1]}](#{section.anchor})"

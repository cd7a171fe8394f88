"""`charly-yml.md`, what may stand in a project's file, and `libvirt.md`, its largest block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from charly_vm.model.base import Model
from charly_vm.model.candy import Candy
from charly_vm.model.deploy import Deploy
from charly_vm.model.directives import Directives
from charly_vm.model.entity import VmEntity
from charly_vm.model.gaps import WANTED
from charly_vm.model.group import OF_THE_GROUP, Group
from charly_vm.model.instance import InstanceFile
from charly_vm.model.kinds import (
    CANDY,
    CANDY_BLOCKS,
    DEPLOY_BLOCKS,
    ENTITY_BLOCKS,
    FOREIGN,
    GROUP,
    GROUP_BLOCKS,
    RESOURCE,
    RESOURCE_BLOCKS,
    VM,
)
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.libvirt.devices.filesystem import Filesystem
from charly_vm.model.libvirt.devices.hostdev import (
    MediatedHostdev,
    PciHostdev,
    ScsiHostdev,
    UsbHostdev,
)
from charly_vm.model.matchers import LISTS, OPERATORS
from charly_vm.model.probes import PROBES
from charly_vm.model.resource import HostResource
from charly_vm.model.step import FOREIGN_INTENTS, INTENTS, PLURALS, Modifiers
from charly_vm.model.variants import KEYS as MATRIX_KEYS
from charly_vm.model.verbs import FOREIGN_VERBS, VERBS
from make_reference.backlinks import Place
from make_reference.keys import doc_of
from make_reference.markdown import any_of, code, join, table
from make_reference.sections import Page, Section
from make_reference.sources import flat

MADE = "<!-- Made by `make docs` from the models and their docstrings; change those. -->"
PAGE, LIBVIRT = "charly-yml.md", "libvirt.md"

HOW_TO_READ = """\
Each table has the keys of one mapping: how a value is written, what holds without the key
(nothing, where the column is empty), and what it does. A heading is the path of keys to the
mapping; the index at the end has every key."""

GAP = "This version does not carry it out: a bed that asks for it is refused."

PROBE = "[The probes](probes.md) have all methods; their arguments stand in the mapping."

KINDS = (
    ("VM entity", VM, "the shape of a machine", ENTITY_BLOCKS),
    ("Deploy", VM, "an entity put to use", DEPLOY_BLOCKS),
    ("Group", GROUP, "deploys that belong together", GROUP_BLOCKS),
    ("Candy", CANDY, "a layer for a running guest, or a container image", CANDY_BLOCKS),
    ("Resource", RESOURCE, "what stands behind a token", RESOURCE_BLOCKS),
)
"""Heading, key, meaning, and the keys that may stand in a child of their own."""

KNOWN_FORMS = {
    "Plan": "list of [steps](#steps)",
    "MatcherField": "[matcher](#matchers)",
    "SubstringsField": "[matcher](#matchers)",
}


def render_charly_yml(backlinks: Mapping[str, list[Place]]) -> str:
    """The page about everything but the libvirt block."""
    page = Page(PAGE, backlinks, KNOWN_FORMS)
    for model in (PciHostdev, UsbHostdev, ScsiHostdev, MediatedHostdev):
        page.link_elsewhere(model, f"[hostdevs]({LIBVIRT}#libvirt-devices-hostdevs-pci)")
    page.link_elsewhere(Filesystem, f"[filesystems]({LIBVIRT}#libvirt-devices-filesystems)")
    parts = [
        *_all(page, page.add(Directives, (), "The file")),
        _nodes(),
        *_all(page, page.add(VmEntity, (VM,), "VM entity")),
        *_deploy(page),
        *_group(page),
        *_candy(page),
        *_all(page, page.add(HostResource, ("resource",), "Resource")),
        *_steps(page),
        *_all(page, page.add(InstanceFile, ("instance.yml",), "instance.yml")),
        page.render_forms(),
        page.render_index(),
    ]
    body = join(parts)
    intro = f"""\
What may be written in a project's file. [charly.yml](../charly-yml.md) explains it by examples,
[The libvirt block]({LIBVIRT}) has a page of its own, and `charly schema` prints the same as a JSON
Schema. {HOW_TO_READ}"""
    contents = "\n".join(page.contents(body))
    return join([MADE, "# charly.yml: all keys", flat(intro), contents, body])


def render_libvirt(backlinks: Mapping[str, list[Place]]) -> str:
    """The page about the libvirt block."""
    page = Page(LIBVIRT, backlinks)
    parts = _all(page, page.add(LibvirtDomain, ("libvirt",), "libvirt"))
    intro = f"""\
What may be written under `libvirt:` of a VM entity. Names are libvirt's in snake case, and mean
what libvirt's page on the [domain XML format](https://libvirt.org/formatdomain.html) says of them;
here is what charly takes, and what holds without them.
[The libvirt block](../charly-yml.md#the-libvirt-block) has an example. {HOW_TO_READ}"""
    body = join([*parts, page.render_forms(), page.render_index()])
    return join([MADE, "# The libvirt block: all keys", flat(intro), body])


def _all(page: Page, sections: Iterable[Section]) -> list[str]:
    return [page.render(section) for section in sections]


def _nodes() -> str:
    head = ("node", "written as", "what it is", "may stand in a child of its own")
    rows = [
        (f"[{heading}](#{heading.lower().replace(' ', '-')})", code(key), meaning, _codes(blocks))
        for heading, key, meaning, blocks in KINDS
    ]
    return join(
        [
            "## Nodes",
            "A node is `NAME: {KIND: BODY, CHILD: …}`. A child is a step, another node, or a "
            "block: one key of the body under a name of the author's, "
            "`NAME-libvirt: {libvirt: …}`.",
            table(head, rows),
            f"Kept, and shown by `charly list` as skipped: {_codes(FOREIGN)}, and kinds that "
            "nobody here has heard of.",
        ]
    )


def _deploy(page: Page) -> list[str]:
    notes = dict.fromkeys(WANTED, GAP)
    first, *others = page.add(Deploy, ("deploy",), "Deploy", notes=notes)
    matrix = f"`matrix` takes lists of values for {_codes(MATRIX_KEYS)}."
    return [page.render(first, after=matrix), *_all(page, others)]


def _group(page: Page) -> list[str]:
    kept = "Each member has to say it for itself."
    notes = {
        field.alias or name: kept
        for name, field in Group.model_fields.items()
        if name not in OF_THE_GROUP
    }
    return _all(page, page.add(Group, ("group",), "Group", notes=notes))


def _candy(page: Page) -> list[str]:
    first, *others = page.add(Candy, ("candy",), "Candy")
    kept = f"Known from container images, kept and not looked into: {_codes(Candy.kept)}."
    return [page.render(first, after=kept), *_all(page, others)]


def _steps(page: Page) -> list[str]:
    intents = [intent for intent in INTENTS if intent not in FOREIGN_INTENTS]
    said = [
        "A step is a child of its node, or an item of `plan: []`. It has one of "
        f"{_codes(intents, last='or')}, whose value is the prose that people read (of `include`: "
        "the candy whose steps are meant), and one [verb](#verbs). The verb's main argument is the "
        "value behind its name and the others stand beside it, or all of them stand in a mapping "
        "behind its name. `plugin: VERB` with `plugin_input: {VERB: …}` means the same.",
        f"{_codes(FOREIGN_INTENTS)} are shown as skipped, and so are steps with a verb of another "
        f"program: {_codes(FOREIGN_VERBS)}.",
    ]
    (modifiers,) = page.add(Modifiers, ("step",), "Steps", notes=_plurals(Modifiers))
    parts = [page.render(modifiers, more=[*said, "Beside every verb may stand:"])]
    parts += [_matchers(), "## Verbs"]
    for name, verb in VERBS.items():
        sections = page.add(
            verb, (name,), f"verb: {name}", level=3, notes=_plurals(verb), first=verb.main
        )
        more = PROBE if name in PROBES else ""
        parts += [page.render(section, more=[doc_of(verb), more]) for section in sections]
    return parts


def _matchers() -> str:
    return join(
        [
            "## Matchers",
            "What a value has to be like. A scalar is equal to it (that of `contains` is a part of "
            "it); of a list each item has to be contained; a mapping names operators, all of which "
            f"have to hold: {_codes(OPERATORS)}. {_codes(LISTS)} also take a list.",
        ]
    )


def _plurals(model: type[Model]) -> dict[str, str]:
    return {
        key: f"Also spelt {code(plural)}."
        for plural, key in PLURALS.items()
        if key in model.known_keys()
    }


def _codes(words: Iterable[str], *, last: str = "and") -> str:
    ordered: Sequence[str] = words if isinstance(words, Sequence) else sorted(words)
    return any_of([code(word) for word in ordered], last=last)

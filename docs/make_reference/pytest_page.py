"""`pytest.md`: the plugin's options, markers, fixtures, and what the fixtures give."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from _pytest.config.argparsing import Parser
from _pytest.fixtures import FixtureFunctionDefinition

import pytest_charly.plugin
from make_reference.backlinks import Place
from make_reference.markdown import code, join, slug, table
from make_reference.sources import Member, find_class, flat, members_of
from pytest_charly.order import MARKERS

MADE = "<!-- Made by `make docs` from the plugin's options and docstrings; change those. -->"
PAGE = "pytest.md"

INTRO = """\
The plugin is there once charly is installed beside pytest, and does nothing until a bed is chosen
with `--charly-bed`. [Write a bed](../write-a-bed.md) explains it by examples."""

TESTINFRA = """\
Everything of [testinfra's host](https://testinfra.readthedocs.io/en/latest/modules.html), and:"""

OF_A_BED = ("pytest_charly.runs", "BedInPhase")
OF_A_MACHINE = ("charly_vm.machine.machine", "Machine")
OF_A_GUEST = ("charly_vm.guest.testinfra_host", "GuestHost")
"""What the fixtures `bed`, `vm` and `guest` give."""
OF_EVERY_SCREEN = ("charly_vm.probe.screen.looking", "Looking")
OF_A_LIBVIRT_PROBE = {
    "": ("charly_vm.probe.libvirt.probe", "LibvirtProbe"),
    ".guest": ("charly_vm.probe.libvirt.guest", "GuestAgent"),
    ".snapshot": ("charly_vm.probe.libvirt.snapshots", "Snapshots"),
}
OF_A_RECORDING = ("charly_vm.probe.libvirt.recording", "Recording")
OF_SPICE = ("charly_vm.machine.spice_probe", "SpiceProbe")
"""What the fixtures `libvirt_probe` and `spice` give."""


def render_pytest(backlinks: Mapping[str, list[Place]]) -> str:
    """The whole page."""
    parts = [
        _options(),
        _markers(),
        _fixtures(),
        join(["## Bed", _bed()]),
        join(["## What `bed` has", _members(members_of(*OF_A_BED))]),
        join(["## What `guest` has", TESTINFRA, _members(members_of(*OF_A_GUEST))]),
        join(["## What `vm` has", _members(members_of(*OF_A_MACHINE))]),
        *(
            join([f"## What `libvirt_probe{part}` has", _members(members_of(*home))])
            for part, home in OF_A_LIBVIRT_PROBE.items()
        ),
        join(["## What `watching()` records", _members(members_of(*OF_A_RECORDING))]),
        join(["## What `spice` has", _members(members_of(*OF_SPICE))]),
        join(
            [
                "## What `spice` and `libvirt_probe` have beside it",
                _members(members_of(*OF_EVERY_SCREEN)),
            ]
        ),
    ]
    text = [MADE, "# pytest: options, markers, fixtures", flat(INTRO)]
    return join([*text, *(_with_backlinks(part, backlinks) for part in parts)])


def _with_backlinks(part: str, backlinks: Mapping[str, list[Place]]) -> str:
    heading, _, rest = part.partition("\n")
    anchor = slug(heading.removeprefix("## ").replace("`", ""))
    places = backlinks.get(f"{PAGE}#{anchor}", [])
    explained = f"See {', '.join(place.link for place in places)}." if places else ""
    return join([heading, explained, rest])


def _options() -> str:
    options, settings = _parsed()
    flags = {option.dest for option in options}
    both = [(_flag(option), code(option.dest), _help(option)) for option in options]
    others = [(code(name), about) for name, about in settings.items() if name not in flags]
    return join(
        [
            "## Options",
            table(("option", "in the ini file", "meaning"), both)
            if flags <= settings.keys()
            else table(("option", "meaning"), [(flag, about) for flag, _, about in both]),
            "Settings of the ini file alone:" if others else "",
            table(("setting", "meaning"), others),
        ]
    )


def _parsed() -> tuple[Sequence[Any], Mapping[str, str]]:
    """The plugin's options, and its settings with what they mean, as pytest's parser has them."""
    manager, parser = pytest.PytestPluginManager(), Parser(_ispytest=True)
    about = {"parser": parser, "pluginmanager": manager}
    manager.hook.pytest_addoption.call_historic(kwargs=about)
    manager.register(pytest_charly.plugin)
    settings = {name: flat(setting[0]) for name, setting in parser._inidict.items()}
    return parser.getgroup("charly").options, settings


def _flag(option: Any) -> str:
    about = option.attrs()
    value = about.get("metavar") or "|".join(about.get("choices") or ())
    return code(" ".join(filter(None, [option.names()[-1], value])))


def _help(option: Any) -> str:
    return flat(option.attrs().get("help", ""))


def _markers() -> str:
    rows = [(code(name), meaning) for name, meaning in MARKERS.items()]
    return join(["## Markers", table(("marker", "meaning"), rows)])


def _fixtures() -> str:
    parts = ["## Fixtures"]
    for name, fixture in vars(pytest_charly.plugin).items():
        if isinstance(fixture, FixtureFunctionDefinition):
            scope = fixture._fixture_function_marker.scope
            doc = inspect.getdoc(fixture._get_wrapped_function()) or ""
            parts += [f"### {name}", f"Lives as long as its {scope}.", _paragraphs(doc)]
    return join(parts)


def _bed() -> str:
    tree = find_class("pytest_charly.declaration", "Bed")
    made = next(node for node in tree.body if getattr(node, "name", "") == "__init__")
    assert isinstance(made, ast.FunctionDef)
    arguments = ast.unparse(made.args).removeprefix("self, ").replace("=", " = ")
    doc = ast.get_docstring(tree) or ""
    example = f"```python\nfrom pytest_charly import Bed\n\nBed({arguments})\n```"
    return join([example, _paragraphs(doc)])


def _members(members: Sequence[Member]) -> str:
    return "\n".join(f"- {code(one.signature)}: {flat(one.doc)}" for one in members)


def _paragraphs(doc: str) -> str:
    return "\n\n".join(flat(part) for part in doc.split("\n\n"))

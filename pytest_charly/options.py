"""The options: each is a flag, `--charly-keep`, and a setting of pytest's ini file, `charly_keep`.

A flag beats the ini file. After `settle` it makes no difference where a value has come from:
`config.getoption("charly_keep")` has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

_SOURCES = pytest.StashKey[dict[str, str]]()

Kind = Literal["text", "texts", "path", "switch"]


@dataclass(frozen=True)
class Option:
    """One option. A path in an ini file is meant from that file's directory."""

    name: str
    """As in the ini file: charly_keep."""
    help: str
    kind: Kind = "text"
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    default: str | None = None

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


OPTIONS = (
    Option(
        "charly_bed",
        "run this bed: build its VM, check it, rebuild it fresh, check again, remove it; "
        "may be given several times, and may be a glob",
        kind="texts",
        metavar="NAME",
    ),
    Option("charly_no_rebuild", "check once, without the fresh rebuild", kind="switch"),
    Option(
        "charly_keep",
        "leave the machine running afterwards, to look at it (default: never)",
        choices=("never", "failed", "always"),
        default="never",
    ),
    Option(
        "charly_console",
        "show what guests say on their serial console while they say it",
        kind="switch",
    ),
    Option(
        "charly_image",
        "run the beds on this image, as a variant of that name, or, where NAME is an entity, "
        "in place of its source; may be given several times",
        kind="texts",
        metavar="NAME=PATH|URL",
    ),
    Option(
        "charly_project",
        "the charly.yml with the beds; found upwards from the root directory where not given",
        kind="path",
        metavar="FILE",
    ),
    Option(
        "charly_evidence",
        "where evidence goes (default: charly-evidence beside the project)",
        kind="path",
        metavar="DIR",
    ),
    Option(
        "charly_collect",
        "collect evidence of phases in which a check failed, or of every phase (default: failed)",
        choices=("failed", "always"),
        default="failed",
    ),
    Option(
        "charly_timeout",
        "how long a machine may take until it is ready, and the checks of a phase together: "
        "90s, 10m, 1h (default: the bed's timeout, else 10m and 1h)",
        metavar="DURATION",
    ),
    Option(
        "charly_claims",
        "what becomes of a bed or a test when others have what it claims: it waits, is skipped, or "
        "fails (default: wait)",
        choices=("wait", "skip", "fail"),
        default="wait",
    ),
    Option(
        "charly_claim_timeout",
        "how long a claim waits: 90s, 10m, 1h (default: 2h)",
        metavar="DURATION",
        default="2h",
    ),
)


def add_options(parser: pytest.Parser) -> None:
    """Declare all of them, twice each."""
    group = parser.getgroup("charly", "virtual machines (charly)")
    for option in OPTIONS:
        about: dict[str, Any] = {"dest": option.name, "default": None, "help": option.help}
        if option.kind == "switch":
            group.addoption(option.flag, action="store_true", **about)
        else:
            action = "append" if option.kind == "texts" else "store"
            about |= {"choices": option.choices} if option.choices else {"metavar": option.metavar}
            group.addoption(option.flag, action=action, **about)
        ini: Any = {"texts": "args", "switch": "bool"}.get(option.kind, "string")
        parser.addini(option.name, f"{option.flag}: {option.help}", type=ini, default=None)


def settle(config: pytest.Config) -> None:
    """Fill in from the ini file, and then from the defaults, what no flag has said.

    Raises `pytest.UsageError` for a value in the ini file that no flag could have.
    """
    sources = config.stash.setdefault(_SOURCES, {})
    for option in OPTIONS:
        if getattr(config.option, option.name) is None:
            setattr(config.option, option.name, _from_ini(option, config))
            place = config.inipath.name if config.inipath else "-o"
            sources[option.name] = f"{option.name} in {place}"


def source_of(name: str, config: pytest.Config) -> str:
    """Who has said an option that has a value, for people: the flag, or the setting's place."""
    flag = next(one.flag for one in OPTIONS if one.name == name)
    return config.stash[_SOURCES].get(name, flag)


def _from_ini(option: Option, config: pytest.Config) -> Any:
    value = config.getini(option.name)
    if value is None:
        return {"texts": [], "switch": False}.get(option.kind, option.default)
    if option.choices and value not in option.choices:
        raise pytest.UsageError(
            f"{option.name} = {value!r} in {config.inipath}: it is one of "
            f"{', '.join(option.choices)}"
        )
    if option.kind == "path":
        base = config.inipath.parent if config.inipath else Path.cwd()
        return str(base / Path(value).expanduser())
    return value

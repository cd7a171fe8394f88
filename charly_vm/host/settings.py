"""Per-user settings: a flag beats the environment, which beats the user's file, which beats the
default.

Each setting is one entry of `SETTINGS`. The file, `settings.yml` in the XDG config directory, may
be written by hand, nested or with dots in its keys.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charly_vm.errors import HostError, Problem, SpecError
from charly_vm.host.control_keys import parse_control_key
from charly_vm.host.files import explain_os_errors, write_atomically
from charly_vm.host.locks import hold
from charly_vm.host.paths import config_directory

if TYPE_CHECKING:
    import yaml

LOCK_SECONDS = 10.0
HEADER = "# Written by `charly settings`, which keeps no other comments.\n"


def _any_text(value: str) -> object:
    return value


def _absolute(value: str) -> object:
    if value and not value.startswith("/"):
        raise ValueError("has to be a whole path")
    return value


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a user can set. `check` raises ValueError for a value that has no meaning."""

    key: str
    variable: str
    default: str
    help: str
    allowed: tuple[str, ...] = ()
    check: Callable[[str], object] = _any_text

    def find_problem(self, value: str) -> str | None:
        """What is wrong with a value, to be read behind it."""
        if self.allowed and value not in self.allowed:
            return f"is not known; known are {', '.join(self.allowed)}"
        try:
            self.check(value)
        except ValueError as error:
            return str(error)
        return None


@dataclass(frozen=True, slots=True)
class Value:
    """What holds for a setting, and who says so."""

    setting: Setting
    text: str
    origin: str
    """`flag`, `environment`, `default`, or the path of the user's file."""


SETTINGS = {
    one.key: one
    for one in (
        Setting(
            "vm.backend",
            "CHARLY_VM_BACKEND",
            "auto",
            "What runs machines whose entity does not say it.",
            allowed=("auto", "libvirt", "qemu"),
        ),
        Setting(
            "libvirt.uri",
            "CHARLY_LIBVIRT_URI",
            "qemu:///session",
            "The hypervisor of machines that are made from now on; each stays on its own.",
        ),
        Setting(
            "libvirt.pool",
            "CHARLY_LIBVIRT_POOL",
            "default",
            "The storage pool for the disks of machines on another hypervisor than the user's own.",
        ),
        Setting(
            "engine.rootful",
            "CHARLY_ENGINE_ROOTFUL",
            "auto",
            "Where a disk of kind bootc gets its privileged container: sudo, podman's machine, or "
            "nowhere.",
            allowed=("auto", "sudo", "machine", "none"),
        ),
        Setting(
            "leases.directory",
            "CHARLY_LEASES_DIRECTORY",
            "",
            "Where the leases of this host are, for several accounts to share; empty for the "
            "account's own.",
            check=_absolute,
        ),
        Setting(
            "console.detach_key",
            "CHARLY_CONSOLE_DETACH_KEY",
            "^]",
            "The key that leaves `charly vm console`: ^ and a letter or one of ] \\ ^ _.",
            check=parse_control_key,
        ),
    )
}


def settings_file() -> Path:
    return config_directory() / "settings.yml"


def require_setting(key: str) -> Setting:
    """The setting of this name. Raises `SpecError` that names the nearest one."""
    if key not in SETTINGS:
        raise SpecError([Problem("charly settings", 0, 0, _unknown(key))])
    return SETTINGS[key]


def find_value(key: str, *, flag: str | None = None) -> Value:
    """What holds for a setting; `flag` is what the command line says, None where it is silent.

    Raises `SpecError` with all that is wrong in the user's file, and `HostError` for a variable of
    the environment that has no meaning.
    """
    setting = require_setting(key)
    from_environment = os.environ.get(setting.variable)
    if flag is not None:
        return Value(setting, flag, "flag")
    if from_environment:
        problem = setting.find_problem(from_environment)
        if problem:
            raise HostError(f"{setting.variable} is {from_environment!r}, which {problem}")
        return Value(setting, from_environment, "environment")
    written = _read_checked()
    if key in written:
        return Value(setting, written[key], str(settings_file()))
    return Value(setting, setting.default, "default")


def write_setting(key: str, text: str) -> None:
    """Set it in the user's file. Raises `SpecError` for a value that has no meaning."""
    problem = require_setting(key).find_problem(text)
    if problem:
        raise SpecError([Problem("charly settings", 0, 0, f"{key}: {text!r} {problem}")])
    with _locked():
        _write({**_read_checked(), key: text})


def remove_setting(key: str) -> bool:
    """Remove it from the user's file; whether it was there. Also one that is not known."""
    with _locked():
        written = {name: text for name, (text, _) in _read().items()}
        if key not in written:
            require_setting(key)
            return False
        del written[key]
        _write(written)
        return True


def _locked() -> Any:
    return hold(settings_file().with_suffix(".lock"), timeout=LOCK_SECONDS)


def _unknown(key: str) -> str:
    close = difflib.get_close_matches(key, SETTINGS, n=1, cutoff=0.5)
    if close:
        return f"unknown setting {key!r}; did you mean {close[0]!r}?"
    return f"unknown setting {key!r}; known are {', '.join(SETTINGS)}"


def _read_checked() -> dict[str, str]:
    problems = []
    written = {}
    for key, (text, mark) in _read().items():
        if key not in SETTINGS:
            problems.append(_problem(mark, _unknown(key)))
        elif (problem := SETTINGS[key].find_problem(text)) is not None:
            problems.append(_problem(mark, f"{key}: {text!r} {problem}"))
        else:
            written[key] = text
    if problems:
        raise SpecError(problems)
    return written


def _read() -> dict[str, tuple[str, yaml.Mark]]:
    """The file's entries as text, each with its place, known or not."""
    file = settings_file()
    with explain_os_errors(f"read {file}"):
        try:
            content = file.read_text()
        except FileNotFoundError:
            return {}
    import yaml

    try:
        root = yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise SpecError([_problem(mark, f"is no YAML: {problem}")]) from None
    if root is None:
        return {}
    entries: dict[str, tuple[str, yaml.Mark]] = {}
    for key, text, mark in _flatten(root, (), root.start_mark):
        if key in entries:
            raise SpecError([_problem(mark, f"{key} is there twice")])
        entries[key] = text, mark
    return entries


def _flatten(
    node: yaml.Node, path: tuple[str, ...], mark: yaml.Mark
) -> Iterator[tuple[str, str, yaml.Mark]]:
    """Each text with its path and the place of its key."""
    import yaml

    if isinstance(node, yaml.ScalarNode) and path:
        # As it is written: no value of ours is a number or a truth.
        yield ".".join(path), node.value, mark
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _flatten(value, (*path, str(key.value)), key.start_mark)
    else:
        text = f"{'.'.join(path)} has to be text" if path else "has to be a mapping of settings"
        raise SpecError([_problem(mark, text)])


def _problem(mark: yaml.Mark | None, text: str) -> Problem:
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Problem(str(settings_file()), line, column, text)


def _write(written: Mapping[str, str]) -> None:
    import yaml

    nested: dict[str, Any] = {}
    for key, text in sorted(written.items()):
        *groups, last = key.split(".")
        place = nested
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = text
    body = yaml.safe_dump(nested, sort_keys=False, allow_unicode=True) if nested else ""
    write_atomically(settings_file(), HEADER + body)

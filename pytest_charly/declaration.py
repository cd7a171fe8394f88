"""How a test module says which bed its tests belong to."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any


class Bed:
    """A bed whose checks are the tests of this module; a module-level variable of any name holds
    it, or a list of several.

    `Bed("check-x")` is the deploy of that name in charly.yml. With `vm`, the bed is declared here:
    a mapping with what stands under `vm:` of an entity (or a `VmEntity`), and beside it `libvirt`
    and the fields of a deploy, as in `Bed("check-x", vm={"source": …}, timeout="5m")`. It may be
    destroyed and rebuilt unattended.
    """

    def __init__(
        self,
        name: str,
        vm: Mapping[str, Any] | Any | None = None,
        *,
        libvirt: Mapping[str, Any] | None = None,
        **deploy: Any,
    ) -> None:
        if vm is None and (libvirt or deploy):
            raise TypeError(f"Bed({name!r}) stands in charly.yml, and its fields too")
        frame = sys._getframe(1)
        self.name = name
        self.vm = vm
        self.libvirt = libvirt
        self.deploy = deploy
        self.file, self.line = frame.f_code.co_filename, frame.f_lineno

    def __repr__(self) -> str:
        return f"Bed({self.name!r})"


def declared_in(module: object) -> list[Bed]:
    """The beds in a module's variables, each once, in their order."""
    found: dict[str, Bed] = {}
    for value in vars(module).values():
        for one in value if isinstance(value, list | tuple) else [value]:
            if isinstance(one, Bed):
                found.setdefault(one.name, one)
    return list(found.values())

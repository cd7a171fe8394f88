"""`{{.VmStateDir}}` in a path: the directory of the machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.values import MACHINE_DIRECTORY

M = TypeVar("M", bound=Model)

_PLACE = re.compile(MACHINE_DIRECTORY)


def fill_in_directory(model: M, directory: Path) -> M:
    """The same model with the directory in every text that asks for it."""
    changed = {
        name: filled
        for name in model.model_fields_set
        if (filled := _fill_in(value := getattr(model, name), str(directory))) != value
    }
    return model.model_copy(update=changed) if changed else model


def _fill_in(value: Any, directory: str) -> Any:
    if isinstance(value, str):
        return _PLACE.sub(lambda _: directory, value)
    if isinstance(value, tuple):
        return tuple(_fill_in(one, directory) for one in value)
    if isinstance(value, Model):
        return fill_in_directory(value, Path(directory))
    return value

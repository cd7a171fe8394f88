"""A bed that Python declares, by the models of `charly.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from charly_vm.errors import Problem, SpecError
from charly_vm.model.deploy import Deploy, DeployNode
from charly_vm.model.entity import EntityNode, VmEntity
from charly_vm.model.libvirt import LibvirtDomain


def declare_bed(
    name: str,
    vm: VmEntity | Mapping[str, Any],
    *,
    libvirt: LibvirtDomain | Mapping[str, Any] | None,
    deploy: Mapping[str, Any],
    file: str,
    line: int,
) -> tuple[DeployNode, EntityNode]:
    """The two nodes of a bed: what its machine is, and that it may be destroyed unattended.

    `vm`, `libvirt` and `deploy` are what stands under these keys of a file. Raises `SpecError` with
    everything that is wrong with them, at `file` and `line`.
    """
    entity = f"{name}-vm"
    try:
        shape = VmEntity.model_validate(vm)
        block = LibvirtDomain.model_validate(libvirt or {})
        terms = Deploy.model_validate({"from": entity, "disposable": True, **deploy})
    except ValidationError as error:
        raise SpecError([_problem(name, one, file, line) for one in error.errors()]) from error
    node = DeployNode(name, terms, (), file, line, entity=entity)
    return node, EntityNode(entity, shape, block, file, line)


def _problem(name: str, error: Any, file: str, line: int) -> Problem:
    place = ".".join(map(str, error["loc"]))
    return Problem(file, line, 1, f"{name}: {place + ': ' if place else ''}{error['msg']}")

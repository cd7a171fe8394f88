"""This host's word on a machine, in its `instance.yml`: may it be destroyed unattended?"""

from __future__ import annotations

from charly_vm.errors import Problem, SpecError
from charly_vm.machine.records import paths_of
from charly_vm.model.instance import Instance, read_instance
from charly_vm.model.project import Target


def instance_of(domain: str) -> Instance:
    """What the machine's `instance.yml` says; it may be there before the machine."""
    return read_instance(paths_of(domain).instance)


def may_be_thrown_away(target: Target) -> bool:
    """Whether the project allows an unattended destroy, and this host does not forbid it."""
    return target.disposable and not instance_of(target.domain).is_vetoed


def require_no_veto(domain: str) -> None:
    """Raise `SpecError` where this host forbids what a bed does to its machine."""
    if instance_of(domain).is_vetoed:
        path = paths_of(domain).instance
        raise SpecError(
            [Problem(str(path), 0, 0, f"disposable: false: {domain} may not be destroyed here")],
            hint="no project overrules it; remove that line if it is not meant any more",
        )

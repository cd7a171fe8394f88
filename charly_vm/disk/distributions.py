"""Which distributions can be bootstrapped, and by which builder. Pure."""

from __future__ import annotations

from charly_vm.disk import debian
from charly_vm.disk.debian_ports import PORTS
from charly_vm.disk.tree_recipe import TreeRecipe
from charly_vm.errors import HostError
from charly_vm.model.source import Bootstrap


def find_recipe(source: Bootstrap, architecture: str, *, root_size: int = 0) -> TreeRecipe | None:
    """How the tree of a source is made for an architecture as `uname -m` says it; None where no
    builder here makes it.

    `root_size` (bytes) caps the root partition, before the source's own.
    """
    return debian.find_debian(source, architecture, root_size=root_size)


def require_recipe(source: Bootstrap, architecture: str, *, root_size: int = 0) -> TreeRecipe:
    """As `find_recipe`, with a `HostError` for all that is asked for and not made here."""
    found = find_recipe(source, architecture, root_size=root_size)
    if found is None:
        raise HostError(
            f"a disk of {source.distro} for {architecture} cannot be bootstrapped by "
            f"{source.builder}",
            hint=f"known are {_list_known()}; for others there is `kind: cloud_image`",
        )
    if unmade := found.find_unmade(source):
        raise HostError(
            f"a disk of {source.distro} is not bootstrapped with {'; '.join(unmade)}",
            hint="leave it out, or use `kind: cloud_image` with a disk that has it",
        )
    return found


def _list_known() -> str:
    builders = " and ".join(debian.BUILDERS)
    return f"{', '.join(debian.SUITES)} by {builders} on {', '.join(PORTS)}"

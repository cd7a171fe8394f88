"""Which distributions can be bootstrapped, and by which builder."""

from __future__ import annotations

from collections.abc import Callable

from charly_vm.disk.distros import arch, debian, fedora
from charly_vm.disk.distros.debian_ports import PORTS
from charly_vm.disk.distros.dnf_repositories import require_repositories
from charly_vm.disk.distros.pacman_repositories import require_pacman_conf
from charly_vm.disk.distros.tree_recipe import TreeRecipe
from charly_vm.errors import HostError
from charly_vm.model.source import Bootstrap

_FAMILIES: tuple[Callable[..., TreeRecipe | None], ...] = (
    debian.find_debian,
    fedora.find_fedora,
    arch.find_arch,
)


def find_recipe(source: Bootstrap, architecture: str, *, root_size: int = 0) -> TreeRecipe | None:
    """How the tree of a source is made for an architecture as `uname -m` says it; None where no
    builder here makes it. Pure: the host is not asked where packages are.

    `root_size` (bytes) caps the root partition, before the source's own.
    """
    tried = (find(source, architecture, root_size=root_size) for find in _FAMILIES)
    return next(filter(None, tried), None)


def require_recipe(source: Bootstrap, architecture: str, *, root_size: int = 0) -> TreeRecipe:
    """As `find_recipe`, with where the packages are, and a `HostError` for all that is asked for
    and not made here."""
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
    if isinstance(found, fedora.Fedora):
        return found.with_repositories(require_repositories(found))
    if isinstance(found, arch.Arch):
        return found.with_repositories(require_pacman_conf(found.variety.id, found.title))
    return found


def _list_known() -> str:
    builders = " and ".join(debian.BUILDERS)
    return (
        f"{', '.join(debian.SUITES)} by {builders} on {', '.join(PORTS)}; "
        f"{', '.join(f'{name}-N' for name in fedora.MEMBERS)} by {fedora.BUILDER} on "
        f"{fedora.ARCHITECTURE}; "
        f"{', '.join(arch.VARIETIES)} by {arch.BUILDER} on {arch.ARCHITECTURE}"
    )

"""Which distributions can be bootstrapped, and by which builder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from charly_vm.disk.distros import (
    arch,
    debian,
    dnf_repositories,
    fedora,
    pacman_repositories,
)
from charly_vm.disk.distros.debian_ports import PORTS
from charly_vm.disk.distros.repositories import read_repositories
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


def locate_packages(
    recipe: TreeRecipe, *, host: Path = Path("/"), title: str = "this host"
) -> TreeRecipe:
    """A recipe that knows where its packages are: from the user's files or those of the system
    whose builder it is, with its root at `host` and a `title` for people.

    Raises `HostError` where nobody knows, and says what to write.
    """
    if isinstance(recipe, fedora.Fedora):
        return recipe.with_repositories(
            dnf_repositories.require_repositories(recipe, host=host, title=title)
        )
    if isinstance(recipe, arch.Arch):
        found = pacman_repositories.require_pacman_conf(
            recipe.variety.id, recipe.title, host=host, host_title=title
        )
        return recipe.with_repositories(found)
    # debootstrap and mmdebstrap know the distribution's own servers.
    return recipe


def list_written(recipe: TreeRecipe) -> list[str]:
    """The user's files of where a recipe's packages are, as ingredients of a disk."""
    match recipe:
        case fedora.Fedora():
            found = read_repositories(recipe.distribution, dnf_repositories.PATTERN)
        case arch.Arch():
            found = read_repositories(recipe.variety.id, pacman_repositories.NAME)
        case _:
            found = {}
    return [f"{path.name}\n{text}" for path, text in found.items()]


def _list_known() -> str:
    builders = " and ".join(debian.BUILDERS)
    return (
        f"{', '.join(debian.SUITES)} by {builders} on {', '.join(PORTS)}; "
        f"{', '.join(f'{name}-N' for name in fedora.MEMBERS)} by {fedora.BUILDER} on "
        f"{fedora.ARCHITECTURE}; "
        f"{', '.join(arch.VARIETIES)} by {arch.BUILDER} on {arch.ARCHITECTURE}"
    )

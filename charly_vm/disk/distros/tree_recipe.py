"""How a distribution's tree of files comes to be: what a builder of disks has to tell. Pure.

`bootstrap` runs the commands of whichever it is and makes the disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from charly_vm.disk.file_systems import FileSystem
from charly_vm.model.source import Bootstrap

FILES_VARIABLE = "CHARLY_FILES"
"""Names the directory with a recipe's `files` to its commands."""
TREE_VARIABLE = "CHARLY_TREE"
"""Names the directory that the commands make."""
LOADERS_VARIABLE = "CHARLY_LOADERS"
"""Names an empty directory in which the commands leave what UEFI boots."""


class TreeRecipe(Protocol):
    """One distribution, by one builder, for one architecture."""

    @property
    def title(self) -> str:
        """The distribution and its release as a person calls them."""

    @property
    def builder(self) -> str:
        """The program that installs the packages, as `builder:` has it."""

    @property
    def programs(self) -> Mapping[str, str]:
        """What the commands need of the host, each with its package."""

    @property
    def file_system(self) -> FileSystem:
        """The root's."""

    @property
    def packages(self) -> Sequence[str]:
        """What is installed, by the distribution's names."""

    @property
    def files(self) -> Mapping[str, str]:
        """What is there before the packages, whose scripts read some of it; by path below the
        root."""

    @property
    def efi(self) -> Mapping[str, str]:
        """The files of the EFI system partition, and where they are below `LOADERS_VARIABLE`."""

    @property
    def efi_config(self) -> str:
        """Where what UEFI boots looks for GRUB's configuration, on the EFI system partition."""

    @property
    def ingredients(self) -> tuple[str, ...]:
        """All that determines the tree, for the recipe of the disk."""

    def render_argv(self) -> Sequence[str]:
        """The command that makes the tree, inside the sandbox and with the three variables."""

    def find_unmade(self, source: Bootstrap) -> list[str]:
        """What a source asks for and this does not make, each with what it makes instead."""

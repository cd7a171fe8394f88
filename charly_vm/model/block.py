"""A machine's libvirt block, which is plain data until somebody asks for what is in it.

Importing and building the block's models takes longer than most commands do, and only those that
render a machine need them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charly_vm.model.libvirt import LibvirtDomain


class Block:
    """Made of a block, or of the data that an earlier one gave. Two are equal if their data is."""

    __slots__ = ("_data", "_domain")

    def __init__(
        self, domain: LibvirtDomain | None = None, *, data: Mapping[str, Any] | None = None
    ) -> None:
        self._domain = domain
        self._data = data

    @property
    def domain(self) -> LibvirtDomain:
        if self._domain is None:
            from charly_vm.model.libvirt import LibvirtDomain

            self._domain = LibvirtDomain.model_validate(self._data or {})
        return self._domain

    @property
    def data(self) -> Mapping[str, Any]:
        """For JSON: what was written or decided, and no default that follows by itself."""
        if self._data is None:
            from charly_vm.model.libvirt import dump_block

            self._data = dump_block(self.domain)
        return self._data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Block) and self.data == other.data

    def __hash__(self) -> int:
        return hash(repr(self.data))

    def __repr__(self) -> str:
        return f"Block(data={self.data!r})"

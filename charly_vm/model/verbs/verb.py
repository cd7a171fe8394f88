"""What every verb is: a closed set of arguments, of which one may be written alone."""

from __future__ import annotations

from typing import ClassVar

from charly_vm.model.base import Model


class Verb(Model):
    """The arguments of one verb. Its main one is what stands behind the verb's name."""

    name: ClassVar[str]
    main: ClassVar[str]
    """The key of the main argument; usually called like the verb."""

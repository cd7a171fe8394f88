"""`<seclabel>`: the machine's label under a security module such as SELinux or AppArmor."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.switches import YesNo


class SecLabel(Model):
    """The machine's label under a security module. `dynamic` lets libvirt make the label, `static`
    takes the author's, `none` does without."""

    type: Literal["dynamic", "static", "none"] = "dynamic"
    """Who makes the label."""
    model: str | None = None
    """The module: selinux, apparmor, dac."""
    relabel: YesNo | None = None
    """Whether libvirt labels the machine's files."""
    label: str | None = None
    """With type static, which needs it."""
    baselabel: str | None = None
    """What a dynamic label is made from; needs `model`."""

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if (self.type == "static") != (self.label is not None):
            raise ValueError("label belongs to type static, which needs it")
        if self.baselabel is not None and self.type != "dynamic":
            raise ValueError("baselabel needs type dynamic")
        if self.baselabel is not None and self.model is None:
            raise ValueError("baselabel needs the model that it is a label of")
        if self.type == "dynamic" and self.relabel == "no":
            raise ValueError("type dynamic always relabels")
        if self.type == "none" and self.relabel == "yes":
            raise ValueError("type none never relabels")
        return self


def _listed(written: object) -> object:
    return (written,) if isinstance(written, dict) else written


SecLabels = Annotated[
    tuple[SecLabel, ...],
    BeforeValidator(_listed, json_schema_input_type=SecLabel | tuple[SecLabel, ...]),
]
"""One, or one for each security module."""

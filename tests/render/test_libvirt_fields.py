"""Every field of the libvirt block has an effect on a domain, and survives a record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

import pytest
from device_machines import DEVICE_MACHINES
from domain_machines import DOMAIN_MACHINES
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from charly_vm.model.block import Block
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain_xml import render_domain_xml

Field = tuple[str, str]
"""The names of a model and of one of its fields."""

GOLDEN_MACHINES = DOMAIN_MACHINES | DEVICE_MACHINES

WITHOUT_EFFECT: dict[Field, str] = {
    ("NumaCell", "unit"): "counted in when the memory is read",
    ("CpuCache", "level"): "3 is the only one that QEMU emulates",
}

Rebuild = Callable[[Any], Any]
"""The whole block again, with another value in one place of it."""


@pytest.mark.parametrize("element", LibvirtDomain.model_fields)
def test_every_field_changes_the_domain_of_a_golden_machine(element: str) -> None:
    effective = set(WITHOUT_EFFECT)
    for machine in GOLDEN_MACHINES.values():
        if element in machine.libvirt.model_fields_set:
            effective |= set(_effective_fields(machine, element))
    known = _fields(LibvirtDomain, element, LibvirtDomain.model_fields[element])
    assert sorted(set(known) - effective) == []


@pytest.mark.parametrize("name", GOLDEN_MACHINES)
def test_a_block_that_is_written_into_a_record_is_read_as_the_same(name: str) -> None:
    block = GOLDEN_MACHINES[name].libvirt
    written = Block(block).data
    assert written == block.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert LibvirtDomain.model_validate(json.loads(json.dumps(written))) == block


def _fields(model: type[BaseModel], name: str, field: FieldInfo) -> Iterator[Field]:
    """The fields that hold a value and no further model, from this one on inwards."""
    inner = list(_models_in(field.annotation))
    if not inner:
        yield model.__name__, name
    for one in inner:
        for below, its_field in one.model_fields.items():
            yield from _fields(one, below, its_field)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _effective_fields(machine: ResolvedMachine, element: str) -> Iterator[Field]:
    before = render_domain_xml(machine)
    for field, changed in _changed(machine.libvirt, {element}, lambda block: block):
        if render_domain_xml(replace(machine, block=Block(changed))) != before:
            yield field


def _changed(
    model: BaseModel, names: Iterable[str], rebuild: Rebuild
) -> Iterator[tuple[Field, LibvirtDomain]]:
    """Each of the fields that was written, and the block with another value in its place."""
    for name in model.model_fields_set.intersection(names):
        value = getattr(model, name)

        def put(new: Any, name: str = name) -> Any:
            return rebuild(model.model_copy(update={name: new}))

        if isinstance(value, BaseModel):
            yield from _changed(value, value.model_fields_set, put)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            for at, one in enumerate(value):

                def put_at(new: Any, at: int = at, all_: Any = value, put: Rebuild = put) -> Any:
                    return put((*all_[:at], new, *all_[at + 1 :]))

                yield from _changed(one, one.model_fields_set, put_at)
        elif value is not None and value != ():
            field = type(model).model_fields[name]
            yield (type(model).__name__, name), put(_other(value, field.annotation))


def _other(value: Any, annotation: Any) -> Any:
    """Something that the field might hold as well."""
    choices = [one for one in _choices(annotation) if one != value]
    if choices:
        return choices[0]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        # Enough of a difference for a size that is written in another unit.
        return 2 * abs(value) + 1
    if isinstance(value, tuple):
        return value[:-1]
    return f"{value}-other"


def _choices(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for argument in get_args(annotation):
            yield from _choices(argument)

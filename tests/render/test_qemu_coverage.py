"""No field of the libvirt block is dropped by the qemu backend in silence.

Each has to make a difference somewhere: to a golden command line, or to what is refused. The
fields are found by walking the models, so that a new one without a place here fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from qemu_machines import QEMU_MACHINES
from qemu_refusals import REFUSED

from charly_vm.model.base import Model
from charly_vm.model.block import Block
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.qemu_limits import find_unsupported
from charly_vm.model.qemu_limits.fields import REFUSED as REFUSED_FIELDS
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu_argv import render_argv

Field = tuple[str, str]
"""A model's name and the field's."""

WITHOUT_EFFECT: dict[Field, str] = {
    ("Cid", "auto"): "says that there is no address",
    ("Cpu", "mode"): "the model says it, or the accelerator, of which a guest gets all",
    ("CpuCache", "level"): "QEMU emulates one level",
    ("NumaCell", "unit"): "the memory has been counted in it",
    ("PciHostdev", "managed"): "QEMU binds no drivers, as libvirt's session daemon does not",
    ("UsbHostdev", "managed"): "QEMU detaches a USB device itself",
    ("MediatedHostdev", "managed"): "there is no driver to bind",
    ("SerialTarget", "model"): "follows from the type",
}
"""Fields that may be written and change nothing, with the reason."""

OF_REFUSED_TYPES = {
    "DiskSource": {"mode", "path", "pool", "volume"},
    "Graphics": {
        *("address", "display", "fullscreen", "multi_user", "p2p", "replace_user"),
        *("username", "xauth"),
    },
    "Interface": {"managed"},
    "InterfaceSource": {
        *("bus", "domain", "function", "mode", "network", "path", "portgroup", "slot"),
    },
    "IdRange": {"count", "start", "target"},
    "IscsiHost": {"name", "port"},
    "Listener": {"network"},
    "ScsiHostdev": {"boot", "managed", "readonly", "shareable"},
    "ScsiSource": {"adapter", "bus", "initiator", "name", "target", "unit"},
    "SecLabel": {"baselabel", "label", "model", "relabel"},
    "TpmBackend": {"active_pcr_banks", "debug", "persistent_state"},
    "TpmEncryption": {"secret"},
    "TpmProfile": {"name", "remove_disabled", "source"},
    "TpmSource": {"path", "type"},
    "Virtiofsd": {"path", "xattr"},
    "VirtiofsdCache": {"mode"},
    "VirtiofsdFiles": {"max"},
    "VirtiofsdLock": {"flock", "posix"},
    "VirtiofsdSandbox": {"mode"},
    "VirtiofsdThreads": {"size"},
}
"""Fields that only types have which the qemu backend refuses as a whole."""


def test_each_field_is_rendered_or_refused() -> None:
    machines = [*QEMU_MACHINES.values(), *(one.machine for one in REFUSED.values())]
    seen: set[Field] = set()
    for machine in machines:
        seen |= _telling_fields(machine, seen)
    of_refused = {(model, name) for model, names in OF_REFUSED_TYPES.items() for name in names}
    missing = set(_fields(LibvirtDomain)) - seen - set(WITHOUT_EFFECT) - of_refused
    assert sorted(missing) == []


def test_each_field_that_is_refused_whatever_is_in_it_is_a_field() -> None:
    assert set(REFUSED_FIELDS) - set(_paths(LibvirtDomain)) == set()


def test_what_is_said_to_have_no_effect_has_none() -> None:
    machines = [*QEMU_MACHINES.values(), *(one.machine for one in REFUSED.values())]
    telling = set().union(*(_telling_fields(machine, set()) for machine in machines))
    assert sorted(telling & set(WITHOUT_EFFECT)) == []


def _fields(model: type[Model], above: str = "") -> Iterator[Field]:
    """Every field of a model and of those below it that has more than one value.

    What is below a field that is refused whatever is in it is refused with it.
    """
    for name, field in model.model_fields.items():
        path = f"{above}{name}"
        inner = list(_models(field.annotation))
        if inner and path not in REFUSED_FIELDS:
            for one in inner:
                yield from _fields(one, f"{path}.")
        elif not _has_one_value(field):
            yield _place(model, name)


def _paths(model: type[Model], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{above}{name}"
        for one in _models(field.annotation):
            yield from _paths(one, f"{above}{name}.")


def _place(model: type[Model], name: str) -> Field:
    """The field by the model that declares it."""
    owner = next(one for one in model.__mro__ if name in getattr(one, "__annotations__", ()))
    return owner.__name__, name


def _models(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _has_one_value(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1


def _telling_fields(machine: ResolvedMachine, known: set[Field]) -> set[Field]:
    """The fields without which this machine would be another."""
    outcome = _outcome(machine)
    return {
        field
        for field, block in _without_each(machine.libvirt, known)
        if _outcome(replace(machine, block=Block(block))) != outcome
    }


def _without_each(model: Any, known: set[Field]) -> Iterator[tuple[Field, Any]]:
    """Copies of a model, each with one of the fields in it put back to its default."""
    for name, field in type(model).model_fields.items():
        value, place = getattr(model, name), _place(type(model), name)
        for inner, changed in _changed(value, known):
            yield inner, model.model_copy(update={name: changed})
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        if place not in known and value != default:
            yield place, model.model_copy(update={name: default})


def _changed(value: Any, known: set[Field]) -> Iterator[tuple[Field, Any]]:
    if isinstance(value, Model):
        yield from _without_each(value, known)
    elif isinstance(value, tuple):
        for at, member in enumerate(value):
            for inner, changed in _changed(member, known):
                yield inner, (*value[:at], changed, *value[at + 1 :])


def _outcome(machine: ResolvedMachine) -> object:
    """The command, or what is refused; a machine that cannot be without the field is neither."""
    try:
        return find_unsupported(machine) or render_argv(machine)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        return repr(error)

"""What a model is where nothing of it is written is what pydantic would have made of nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from charly_vm.model.base import Model
from charly_vm.model.readers.vm import no_libvirt
from charly_vm.model.step import NO_MODIFIERS


def _subclasses(model: type[Model]) -> Iterator[type[Model]]:
    for one in model.__subclasses__():
        yield one
        yield from _subclasses(one)


def _defaults() -> Iterator[Model]:
    """Every model that stands where a field is not written."""
    yield NO_MODIFIERS
    yield no_libvirt()
    for model in _subclasses(Model):
        for field in model.model_fields.values():
            value = field.get_default(call_default_factory=True, validated_data={})
            if isinstance(value, Model) and not value.model_fields_set:
                yield value


DEFAULTS = {type(value).__qualname__: value for value in _defaults()}


@pytest.mark.parametrize("name", DEFAULTS)
def test_unwritten(name: str) -> None:
    unwritten = DEFAULTS[name]
    read = type(unwritten).model_validate({})
    assert unwritten == read
    assert unwritten.model_fields_set == read.model_fields_set

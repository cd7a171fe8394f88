"""How a device may be written: as its main key alone, one instead of a list, by its type.

Each rule holds for the reader and for the JSON Schema alike, so that an editor refuses what we do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from charly_vm.model.base import Model

T = TypeVar("T")


class Short(Model):
    """A mapping that may be written as the value of one of its keys: `rate: 1024`."""

    short_for: ClassVar[str]
    """The key."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, written: Any) -> Any:
        if isinstance(written, (Mapping, Model)):
            return written
        return {cls.short_for: written}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        reference = super().__get_pydantic_json_schema__(core_schema, handler)
        schema = handler.resolve_ref_schema(reference)
        if "anyOf" not in schema:
            whole = dict(schema)
            alone = whole["properties"][cls.short_for]
            schema.clear()
            schema.update({"anyOf": [whole, alone]})
        return reference


class _OneOrList:
    """Marks a tuple that may be written as the one member it has."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return handler(source)

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        array = handler(core_schema)
        return {"anyOf": [array, array["items"]]}


def _as_list(written: object) -> object:
    return written if isinstance(written, (list, tuple)) else [written]


Several = Annotated[tuple[T, ...], BeforeValidator(_as_list), _OneOrList()]
"""A list, or its only member without the brackets."""


class Typed(Model):
    """A mapping in which one key, the type, decides which of the others have a meaning.

    A key of `only` belongs to the types that it names and a key that is not there belongs to all;
    `needs` names what a type cannot be without. `source.path` is the key `path` inside `source`.
    """

    typed_by: ClassVar[str] = "type"
    only: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    needs: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        chosen = self.chosen_type()
        errors = [
            self._error(
                key, f"has no meaning in {self.typed_by} {chosen}; it belongs to {', '.join(types)}"
            )
            for key, types in self.only.items()
            if chosen not in types and self._is_written(key) and not self._is_inside(key, chosen)
        ] + [
            self._error(key, f"is required in {self.typed_by} {chosen}")
            for key in self.needs.get(chosen, ())
            if not self._is_written(key)
        ]
        if errors:
            raise ValidationError.from_exception_data(type(self).__name__, errors)
        return self

    def chosen_type(self) -> str:
        """The type that the author chose, or the default."""
        chosen: str = getattr(self, self.typed_by)
        return chosen

    def _is_written(self, key: str) -> bool:
        value: Any = self
        for part in key.split("."):
            if value is None or part not in value.model_fields_set:
                return False
            value = getattr(value, part)
        return value is not None

    def _is_inside(self, key: str, chosen: str) -> bool:
        """Whether it belongs to a mapping that has no meaning itself."""
        parent, _, _ = key.rpartition(".")
        return chosen not in self.only.get(parent, (chosen,))

    def _error(self, key: str, text: str) -> InitErrorDetails:
        return {
            "type": PydanticCustomError("value_error", "{text}", {"text": text}),
            "loc": tuple(key.split(".")),
            "input": None,
        }

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        reference = super().__get_pydantic_json_schema__(core_schema, handler)
        schema = handler.resolve_ref_schema(reference)
        schema["allOf"] = [rule for one in cls.types(schema) if (rule := cls._rule_for(one))]
        return reference

    @classmethod
    def _rule_for(cls, chosen: str) -> JsonSchemaValue | None:
        """What the JSON Schema says about one type."""
        then: JsonSchemaValue = {}
        for key, types in cls.only.items():
            if chosen not in types:
                _place(then, key.split("."), required=False)
        for key in cls.needs.get(chosen, ()):
            _place(then, key.split("."), required=True)
        if not then:
            return None
        return {"if": cls.condition_for(chosen), "then": then}

    @classmethod
    def types(cls, schema: JsonSchemaValue) -> list[str]:
        """All types, from the class's JSON Schema."""
        found: list[str] = schema["properties"][cls.typed_by].get("enum", [])
        return found

    @classmethod
    def condition_for(cls, chosen: str) -> JsonSchemaValue:
        """How JSON Schema asks whether a mapping is of a type."""
        condition: JsonSchemaValue = {"properties": {cls.typed_by: {"const": chosen}}}
        if cls.model_fields[cls.typed_by].default != chosen:
            condition["required"] = [cls.typed_by]
        return condition


def _place(schema: JsonSchemaValue, path: list[str], *, required: bool) -> None:
    """Require or refuse the key at a path below an object's schema."""
    for part in path[:-1]:
        if schema.get("properties", {}).get(part) is False:
            return
        if required and part not in schema.setdefault("required", []):
            schema["required"].append(part)
        schema = schema.setdefault("properties", {}).setdefault(part, {})
    if required:
        schema.setdefault("required", []).append(path[-1])
    else:
        schema.setdefault("properties", {})[path[-1]] = False

"""The base of every model: frozen, closed, and helpful about a misspelt key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError

from charly_vm.model.document import KeyPath
from charly_vm.model.spelling import find_meant, find_nearest, misspelling_pattern

OWN_WORDS = ("value_error", "assertion_error", "unknown_key")
"""pydantic's types of error whose message is a validator's own."""


DEFINED = "x-charly-definition"
"""Stands for a reference that pydantic does not know of, until the JSON Schema is put together."""


class Model(BaseModel):
    """A value that an author writes; an unknown key is an error that names the nearest one."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @model_validator(mode="wrap")
    @classmethod
    def _suggest_keys(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            details = [cls._improve(item) for item in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(error.title, details) from None

    @classmethod
    def unwritten(cls) -> Self:
        """What the model is where an author writes nothing of it. Its validator is not needed for
        that, and need not be built: a tenth of the time that a short command has."""
        return cls.model_construct()

    @classmethod
    def known_keys(cls) -> list[str]:
        """The keys that an author may write."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @classmethod
    def _improve(cls, item: Any) -> InitErrorDetails:
        location = item["loc"]
        if item["type"] == "extra_forbidden" and len(location) == 1:
            text = unknown_key(str(location[0]), cls.known_keys())
            return {
                "type": PydanticCustomError("unknown_key", "{text}", {"text": text}),
                "loc": location,
                "input": item["input"],
            }
        # What a validator raised itself has to be handed on as it is, with its own words.
        context = item.get("ctx", {})
        kind: Any = item["type"]
        if kind in OWN_WORDS:
            text = str(context.get("error", context.get("text", item["msg"])))
            kind = PydanticCustomError(kind, "{text}", {"text": text})
        details: InitErrorDetails = {"type": kind, "loc": location, "input": item["input"]}
        if context and isinstance(kind, str):
            details["ctx"] = context
        return details


class Open(Model):
    """A model that also keeps keys it does not know, unless they are one of its own misspelt."""

    model_config = ConfigDict(extra="allow")

    kept: ClassVar[frozenset[str]] = frozenset()
    """Keys that are known not to be misspelt."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_misspelt_keys(cls, written: Any) -> Any:
        if isinstance(written, Mapping):
            known = cls.known_keys()
            misspelt = [
                ((key,), unknown_key(key, known))
                for key in written
                if key not in cls.kept and find_meant(key, known)
            ]
            if misspelt:
                raise unknown(*misspelt)
        return written

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        reference = super().__get_pydantic_json_schema__(core_schema, handler)
        schema = handler.resolve_ref_schema(reference)
        schema["patternProperties"] = {misspelling_pattern(cls.known_keys(), cls.kept): False}
        return reference


def defined_as(name: str) -> WithJsonSchema:
    """Marks a field whose JSON Schema is one that `charly_vm.model.schema` defines by name."""
    return WithJsonSchema({DEFINED: name})


def wrong(*problems: tuple[KeyPath, str]) -> ValidationError:
    """What a validator raises to say where, inside its value, something is wrong, and what."""
    return _error("value_error", problems)


def unknown(*problems: tuple[KeyPath, str]) -> ValidationError:
    """As `wrong`, for keys that are not known: the text names the key itself."""
    return _error("unknown_key", problems)


def _error(kind: Any, problems: Iterable[tuple[KeyPath, str]]) -> ValidationError:
    return ValidationError.from_exception_data(
        "wrong",
        [
            {
                "type": PydanticCustomError(kind, "{text}", {"text": text}),
                "loc": path,
                "input": None,
            }
            for path, text in problems
        ],
    )


def unknown_key(wrong: str, known: Iterable[str]) -> str:
    """The message for a key that is not known, with the nearest one that is."""
    choices = sorted(known)
    nearest = find_nearest(wrong, choices)
    if nearest:
        return f"unknown key {wrong!r}; did you mean {nearest!r}?"
    return f"unknown key {wrong!r}; known are {', '.join(choices)}"


def show(written: Any) -> str:
    """A value as an author knows it, cut where it is long."""
    if isinstance(written, Mapping):
        return "a mapping"
    if isinstance(written, list | tuple):
        return "a list"
    if written is None:
        return "nothing"
    if isinstance(written, bool):
        return str(written).lower()
    text = repr(written)
    return text if len(text) <= 60 else f"{text[:57]}…"

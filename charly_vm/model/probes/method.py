"""A method of a probe: its name, and the arguments that it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, ValidationError

from charly_vm.model.base import Model
from charly_vm.model.quantities import parse_duration
from charly_vm.model.spelling import find_nearest


class Method(Model):
    """The arguments of one method. Numbers may be written as text, as the command line has them."""

    method: ClassVar[str]
    """Its name."""
    main: ClassVar[str] = ""
    """The argument that the command line takes without its name."""
    secret: ClassVar[str] = ""
    """The argument that the command line asks for where it is required and not given, or empty."""
    structured: ClassVar[frozenset[str]] = frozenset()
    """Arguments that the command line takes as lists or mappings, in YAML's notation."""


def _seconds(written: object) -> object:
    if isinstance(written, str) and not written.replace(".", "", 1).isdigit():
        return parse_duration(written)
    return written


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, allow_inf_nan=False)]
"""A number of seconds, or a duration such as 1m30s."""


class WrongArguments(Exception):
    """There is no such method, or it does not take what it was given."""


Milliseconds = Annotated[int, Field(ge=0, le=60_000)]
Text = Annotated[str, Field(min_length=1)]


def by_name(*methods: type[Method]) -> Mapping[str, type[Method]]:
    return {method.method: method for method in methods}


def read_arguments(
    probe: str, methods: Mapping[str, type[Method]], method: str, written: Mapping[str, Any]
) -> Method:
    """The arguments of a probe's method. Raises `WrongArguments` that says what is wrong with
    them, or which method comes nearest."""
    model = methods.get(method)
    if model is None:
        raise WrongArguments(unknown_method(probe, methods, method))
    try:
        return model.model_validate(dict(written))
    except ValidationError as error:
        raise WrongArguments(f"{probe} {method}: {'; '.join(_describe(error))}") from None


def unknown_method(probe: str, methods: Iterable[str], method: str) -> str:
    """The message for a method that there is not."""
    choices = sorted(methods)
    nearest = find_nearest(method, choices)
    known = f"did you mean {nearest}?" if nearest else f"it has {', '.join(choices)}"
    return f"{probe} has no method {method}; {known}"


def _describe(error: ValidationError) -> Iterable[str]:
    for item in error.errors(include_url=False):
        where = ".".join(map(str, item["loc"]))
        # What a validator of ours says names the key itself.
        yield item["msg"] if item["type"] == "unknown_key" else f"{where}: {item['msg']}"

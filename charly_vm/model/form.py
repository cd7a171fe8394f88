"""Text of a certain form: a pattern for machines, and words for the people who miss it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Form:
    """Annotates a `str`: the whole text matches `pattern`, or it is no `meaning`.

    The pattern is also part of the JSON Schema, so it has to mean the same in ECMA 262: no `\\Z`,
    no inline flags.
    """

    pattern: str
    meaning: str
    """With its article, and an example: "an absolute path: /etc/motd"."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^({self.pattern})$"}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"{value!r} is not {self.meaning}")
        return value

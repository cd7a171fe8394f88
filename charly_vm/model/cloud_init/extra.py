"""`extra:` of cloud-init: whatever else a cloud-config can say, as text or as a mapping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BeforeValidator

from charly_vm.errors import SpecError
from charly_vm.model.document import parse_document

_NEITHER = "is a mapping of cloud-init's keys, or the same as text"


def parse_extra(written: object) -> object:
    """A mapping as it is; text as cloud-init itself would read it.

    That is YAML 1.1, in which `yes` is a boolean and 0644 a number. A text that our own reader
    refuses, such as one with a key twice, is refused as well.
    """
    if isinstance(written, dict):
        return written
    if not isinstance(written, str):
        raise ValueError(_NEITHER)
    try:
        parse_document(Path("extra"), written)
        data = yaml.safe_load(written)
    except SpecError as error:
        first = error.problems[0]
        raise ValueError(f"its line {first.line} {first.text}") from None
    except yaml.YAMLError as error:
        # cloud-init's reader is stricter in places than the one of ours, which is in C.
        raise ValueError(f"is not YAML: {error}") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ValueError(_NEITHER)
    for key in data:
        if not isinstance(key, str):
            raise ValueError(f"{key!r}, as YAML 1.1 reads it, is no key of cloud-init's")
    return data


Extra = Annotated[
    dict[str, Any], BeforeValidator(parse_extra, json_schema_input_type=str | dict[str, Any])
]
"""A mapping of cloud-init's keys, or the same as text. The text is read as cloud-init reads it, in
YAML 1.1."""

"""Numbers as libvirt's schema limits them: counts, indices, sets of CPUs, amounts of memory.

Strict: `true` is no 1 and the text "4" no 4, in step with the JSON Schema of the same fields.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from charly_vm.model.quantities import parse_size

UNITS = {
    "b": 1,
    "bytes": 1,
    "KB": 10**3,
    "KiB": 2**10,
    "MB": 10**6,
    "MiB": 2**20,
    "GB": 10**9,
    "GiB": 2**30,
    "TB": 10**12,
    "TiB": 2**40,
}
"""libvirt's, where KB is no KiB."""

_CPU_SET = r"(?:\d+(?:-\d+)?|\^\d+)(?:,(?:\d+(?:-\d+)?|\^\d+))*"
_MEMORY = re.compile(r"(\d+)(b|bytes)", re.IGNORECASE)
_HIGHEST_CPU = 65535

T = TypeVar("T")

Count = Annotated[int, Field(strict=True, ge=1)]
"""A number from 1."""
Index = Annotated[int, Field(strict=True, ge=0)]
"""A number from 0."""
MemoryUnit = Literal["b", "bytes", "KB", "KiB", "MB", "MiB", "GB", "GiB", "TB", "TiB"]


def parse_cpu_set(written: object) -> str:
    """`0-3,^2` or a single number, as libvirt writes sets of CPUs and of NUMA nodes."""
    text = str(written) if isinstance(written, int) and not isinstance(written, bool) else written
    if not isinstance(text, str) or not re.fullmatch(_CPU_SET, text):
        raise ValueError(f"{written!r} is not a set of numbers; write one as 0-3,^2")
    if not members(text):
        raise ValueError(f"{text} leaves nothing in the set")
    return text


def members(cpu_set: str) -> frozenset[int]:
    """The numbers in a set; `^n` takes n out of what is to its left."""
    chosen: set[int] = set()
    for part in cpu_set.split(","):
        if part.startswith("^"):
            chosen.discard(int(part[1:]))
            continue
        first, _, last = part.partition("-")
        low, high = int(first), int(last or first)
        if low > high:
            raise ValueError(f"{part} runs backwards")
        if high > _HIGHEST_CPU:
            raise ValueError(f"{part} goes beyond {_HIGHEST_CPU}")
        chosen.update(range(low, high + 1))
    return frozenset(chosen)


def parse_memory(written: object) -> int:
    """Bytes from `2M` or `4096b`, or from a bare number, which libvirt counts in KiB."""
    if isinstance(written, int) and not isinstance(written, bool):
        size = written * 1024
    elif isinstance(written, str) and (match := _MEMORY.fullmatch(written)):
        size = int(match[1])
    else:
        size = parse_size(written)
    if size <= 0:
        raise ValueError("an amount of memory is more than nothing")
    return size


def each_once(value: T, keys: Sequence[Hashable], what: str) -> T:
    """`value`, unless one of its keys is there twice."""
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"{what} {key} is there twice")
    return value


CpuSet = Annotated[
    str,
    BeforeValidator(parse_cpu_set),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": f"^{_CPU_SET}$"},
            ]
        }
    ),
]
"""A set of numbers, `0-3,^2`. It names CPUs or NUMA nodes; `^2` takes one out of what is to its
left."""

# In bytes.
Memory = Annotated[
    int,
    BeforeValidator(parse_memory),
    # With its unit, so that what is written into a record is read as what it was.
    PlainSerializer(lambda size: f"{size}b"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {
                    "type": "string",
                    "pattern": r"^(\d+([bB]|bytes)|\s*\d+(\.\d+)?\s*[KMGTkmgt][iI]?[bB]?\s*)$",
                },
            ]
        }
    ),
]
"""An amount of memory, `2M`. A bare number counts KiB."""

"""Sizes, durations, counts and flags as people write them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
# Letters are listed: re.IGNORECASE would also take the Kelvin sign for a K.
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([KMGTkmgt])[iI]?[bB]?")
_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)s)?")


def parse_size(written: object) -> int:
    """Bytes from `8G`, `80 GiB`, `512M`: every unit is a power of 1024, and one has to be there."""
    match = _SIZE.fullmatch(written.strip()) if isinstance(written, str) else None
    if match is None:
        raise ValueError(f"{written!r} is not a size; write one as 512M, 8G or 1T")
    size = int(float(match[1]) * 1024 ** _POWERS[match[2].upper()])
    if size <= 0:
        raise ValueError("a size is more than nothing")
    return size


def parse_duration(written: object) -> float:
    """Seconds from `90s`, `1m30s`, `2h`."""
    match = _DURATION.fullmatch(written.strip()) if isinstance(written, str) else None
    if match is None or not any(match.groups()):
        raise ValueError(f"{written!r} is not a duration; write one as 90s, 1m30s or 2h")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def format_duration(seconds: float) -> str:
    """`1h30m` for 5400 s, `0.5s` for half a second: what `parse_duration` reads."""
    hours, rest = divmod(round(seconds, 1), 3600)
    minutes, rest = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "m"), (round(rest, 1), "s")]
    return "".join(f"{amount:g}{unit}" for amount, unit in parts if amount) or "0s"


# In bytes.
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\s*(?!0+(\.0+)?\s*[A-Za-z])[0-9]{1,15}(\.[0-9]{1,15})?"
            r"\s*[KMGTkmgt][iI]?[bB]?\s*$",
        }
    ),
]
"""A size, `8G`. The units K, M, G and T are powers of 1024, with or without `i` and `B`."""

# In seconds.
Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\s*(?=[0-9])([0-9]{1,9}h)?([0-9]{1,9}m)?"
            r"([0-9]{1,9}(\.[0-9]{1,9})?s)?\s*$",
        }
    ),
]
"""A duration, `90s`. Hours, minutes and seconds also stand together: `1h30m`."""

Count = Annotated[int, Field(strict=True, ge=1)]
"""A number from 1. Strict: `true` is no 1, and the text "4" is no 4."""

_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_FLAG_WORDS = [spelt for word in _FLAGS for spelt in (word, word.title(), word.upper())]


def parse_flag(written: object) -> bool:
    """true or false; also YAML 1.1's words for them, which our reader leaves as they are."""
    if isinstance(written, bool):
        return written
    if isinstance(written, str) and written in _FLAG_WORDS:
        return _FLAGS[written.lower()]
    raise ValueError(f"has to be true or false, not {written!r}")


Flag = Annotated[
    bool, BeforeValidator(parse_flag), WithJsonSchema({"enum": [True, False, *_FLAG_WORDS]})
]
"""`true` or `false`. The words `yes`, `no`, `on` and `off` are taken too."""

"""Sizes and durations as people write them."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B?)", re.IGNORECASE)
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")


def parse_size(written: object) -> int:
    """Bytes from `8G`, `80 GiB`, `512M`: every unit is a power of 1024, and one has to be there."""
    match = _SIZE.fullmatch(str(written).strip()) if isinstance(written, str) else None
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


def format_size(size: int) -> str:
    """`8G` for 8·1024³ bytes: the largest unit that leaves no more than one decimal."""
    for unit, power in reversed(_POWERS.items()):
        if size >= 1024**power:
            return f"{size / 1024**power:.1f}".removesuffix(".0") + unit
    return f"{size}B"


Size = Annotated[int, BeforeValidator(parse_size)]
"""A number of bytes, written with a unit."""

Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds, written with units."""

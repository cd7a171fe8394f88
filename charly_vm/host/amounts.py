"""Seconds and bytes as people read them."""

from __future__ import annotations


def format_seconds(seconds: float) -> str:
    """`0.4 s`, `41.2 s`, `2 m 05 s`, `1 h 02 m`."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} m {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} m"


def format_bytes(size: int) -> str:
    """`512 B`, `4.0 KiB`, `1.5 GiB`."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"


def format_size(size: int) -> str:
    """`8G` for 8·1024³ bytes, as people write it: the largest unit that leaves no more than one
    decimal."""
    for power, unit in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        if size >= 1024**power:
            return f"{size / 1024**power:.1f}".removesuffix(".0") + unit
    return f"{size}B"

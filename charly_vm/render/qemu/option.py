"""QEMU's `head,key=value,…` syntax: what every other module here writes its words in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

Value = str | int | bool | Path | tuple[str, ...] | None
Properties = Mapping[str, Value]

_SECRET = re.compile(r"^(secret,.*?\bdata=).*", re.DOTALL)


def option(head: str, properties: Properties) -> str:
    """One comma-separated value.

    A property that is None is left out, True and False are on and off, a tuple says its key once
    for each member. Commas inside a value are doubled, as QEMU wants them.
    """
    words = [head] if head else []
    for key, value in properties.items():
        words += [
            f"{key}={_text(one)}"
            for one in (value if isinstance(value, tuple) else (value,))
            if one is not None
        ]
    return ",".join(words)


def device(driver: str, properties: Properties) -> list[str]:
    """`-device`, whose properties `qemu-system-x86_64 -device DRIVER,help` lists."""
    return ["-device", option(driver, properties)]


def backend_object(kind: str, properties: Properties) -> list[str]:
    """`-object`, whose kinds `qemu-system-x86_64 -object help` lists."""
    return ["-object", option(kind, properties)]


def hide_secret(word: str) -> str:
    """A word of a command for people to see, without the password in an object that has one."""
    return _SECRET.sub(r"\1***", word)


def escape(text: str) -> str:
    """A value inside a comma-separated option."""
    return text.replace(",", ",,")


def switch(value: str | None) -> bool | None:
    """libvirt's on, off, yes and no as a property's value."""
    return None if value is None else value in ("on", "yes")


def _text(value: str | int | bool | Path) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return escape(str(value))

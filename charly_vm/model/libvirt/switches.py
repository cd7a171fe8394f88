"""libvirt's two kinds of switch, written as the words on, off, yes, no or as a boolean."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema

_WORDS = {"on": True, "yes": True, "off": False, "no": False}
_SPELLINGS = {
    spelled: means
    for word, means in _WORDS.items()
    for spelled in (word, word.title(), word.upper())
}
_SCHEMA = WithJsonSchema({"enum": [True, False, *_SPELLINGS]})


def parse_switch(written: object) -> bool:
    """YAML 1.1 reads all of these as booleans; our loader leaves the words as they are."""
    if isinstance(written, bool):
        return written
    if isinstance(written, str) and written in _SPELLINGS:
        return _SPELLINGS[written]
    raise ValueError(f"is on or off, not {written!r}")


def parse_on_off(written: object) -> Literal["on", "off"]:
    return "on" if parse_switch(written) else "off"


def parse_yes_no(written: object) -> Literal["yes", "no"]:
    return "yes" if parse_switch(written) else "no"


OnOff = Annotated[Literal["on", "off"], BeforeValidator(parse_on_off), _SCHEMA]
"""`on` or `off`. It is an attribute that libvirt spells so, as in `<smm state='on'/>`; `yes`, `no`,
`true` and `false` are taken too."""

YesNo = Annotated[Literal["yes", "no"], BeforeValidator(parse_yes_no), _SCHEMA]
"""`yes` or `no`. It is an attribute that libvirt spells so, as in `<timer present='no'/>`; `on`,
`off`, `true` and `false` are taken too."""

Switch = Annotated[bool, BeforeValidator(parse_switch), _SCHEMA]
"""`true` or `false`. It is an element that is there or not, as `<nosharepages/>`; `on`, `off`,
`yes` and `no` are taken too."""

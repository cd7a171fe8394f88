"""The methods of the SPICE probe, which is a client of the machine's SPICE server."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from charly_vm.model.probes.method import Method, Milliseconds, Text, by_name
from charly_vm.model.probes.screen import Compare, WaitForText

Pixel = Annotated[int, Field(ge=0)]
Button = Literal["left", "middle", "right", "up", "down", "side", "extra"]


class OverSpice(Method):
    """What every method of the SPICE probe takes."""

    secret = "password"

    password: str | None = None
    """The ticket; what the machine's `graphics` say where none is given."""
    ca_file: str | None = None
    """For TLS, the PEM file of the authority that signed the server's certificate, on this host;
    the one that libvirt's daemon has for SPICE where none is given."""


class Status(OverSpice):
    """Whether the server takes us in, its version, and the channels that it offers."""

    method = "status"


class Screenshot(OverSpice):
    """The screen as PNG, drawn from what the server sends."""

    method = "screenshot"
    display: Annotated[int, Field(ge=0)] = 0
    """Which of several."""


class Cursor(OverSpice):
    """The pointer: where it is, how large, and whether it can be seen."""

    method = "cursor"


class Click(OverSpice):
    """Moves the pointer to a place and presses a button there."""

    method = "click"
    x: Pixel
    """From the left, in pixels."""
    y: Pixel
    """From the top, in pixels."""
    button: Button = "left"
    """Which one; up and down are the wheel."""
    double: bool = False
    """Twice."""
    hold: Milliseconds = 20
    """How long it is held, in milliseconds."""


class Mouse(OverSpice):
    """Moves the pointer: to a place (`x`, `y`) or by a distance (`dx`, `dy`), in pixels."""

    method = "mouse"
    x: Pixel | None = None
    """From the left."""
    y: Pixel | None = None
    """From the top."""
    dx: int | None = None
    """To the right; to the left where it is negative."""
    dy: int | None = None
    """Down; up where it is negative."""

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        written = [name for name in ("x", "y", "dx", "dy") if getattr(self, name) is not None]
        if written not in (["x", "y"], ["dx", "dy"]):
            raise ValueError("write x and y for a place, or dx and dy for a distance")
        return self


class Type(OverSpice):
    """Types a text, on a keyboard of the United States."""

    method = "type"
    main = "text"
    text: Text
    """What is typed; a line end is the Enter key."""
    hold: Milliseconds = 20
    """How long each key is held, in milliseconds. A guest that reads its keys slowly loses some of
    what comes fast."""


class Key(OverSpice):
    """Presses keys together."""

    method = "key"
    main = "keys"
    keys: Text
    """A chord such as ctrl-alt-f2 or ctrl-+, or one key, by the names that send-key takes."""
    hold: Milliseconds = 20
    """How long they are held, in milliseconds."""


class WaitForTextOverSpice(WaitForText, OverSpice):
    __doc__ = WaitForText.__doc__


class CompareOverSpice(Compare, OverSpice):
    __doc__ = Compare.__doc__


SPICE_METHODS = by_name(
    *(Status, Screenshot, Cursor, Click, Mouse, Type, Key),
    *(WaitForTextOverSpice, CompareOverSpice),
)

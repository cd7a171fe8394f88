"""What can be asked of a screen, whichever probe has taken its picture."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from charly_vm.model.probes.method import Method, Seconds

SCREEN, EXPECTED, DIFFERENCE = "screen", "expected", "difference"
"""What each picture of an answer is."""

Share = Annotated[float, Field(ge=0, le=1)]


class WaitForText(Method):
    """Waits until a text can be read on the screen, by OCR (tesseract)."""

    method = "wait-for-text"
    main = "text"
    text: str = Field(min_length=1)
    """What is looked for. Letters' case and runs of blanks do not matter."""
    timeout: Seconds | None = None
    """For how long; the `timeout` of the step where none is given, or a minute."""


class Compare(Method):
    """Compares the screen with a picture. What differs is kept as a picture of its own."""

    method = "compare"
    main = "image"
    structured = frozenset({"region"})
    image: str = Field(min_length=1)
    """The file of the picture; in YAML relative to the file that the step stands in."""
    tolerance: Share = 0.0
    """The share of pixels that may differ, from 0 to 1."""
    colour_tolerance: Annotated[int, Field(ge=0, le=255)] = 0
    """By how much a colour's red, green and blue may differ, of 255, and still be the same."""
    region: tuple[int, int, int, int] | None = None
    """The part that is looked at, as left, top, width and height in pixels; all of it where none
    is given."""

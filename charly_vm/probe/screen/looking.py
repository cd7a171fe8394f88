"""What every probe that sees the screen can do with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from charly_vm.errors import HostError
from charly_vm.host.waiting import Deadline
from charly_vm.probe.screen.compare import Box, Difference, compare_pictures
from charly_vm.probe.screen.text import read_text, wait_for_text


class Looking(ABC):
    """A screen, by its screenshots."""

    @abstractmethod
    def screenshot(self) -> bytes:
        """The screen as PNG."""

    def read_text(self) -> str:
        """The text on the screen, line by line, as tesseract reads it. `HostError` where that is
        not installed."""
        return read_text(self.screenshot())

    def wait_for_text(self, text: str, timeout: float = 60.0) -> str:
        """Return once a text can be read on the screen, with all that is read there; `GuestTimeout`
        with what was read last. Case, blanks, and letters that look alike (0 and O) do not matter.
        """
        return wait_for_text(text, self.screenshot, Deadline(timeout))

    def compare(
        self, image: Path | str | bytes, *, colour_tolerance: int = 0, region: Box | None = None
    ) -> Difference:
        """How the screen differs from a picture, a file's or one in memory: `share` is from 0 to 1,
        `picture` a PNG that shows where. A colour may differ by `colour_tolerance` of 255.

        Raises `HostError` where they cannot be compared, as pictures of two sizes cannot.
        """
        expected = image if isinstance(image, bytes) else read_picture(Path(image))
        difference = compare_pictures(
            self.screenshot(), expected, colour_tolerance=colour_tolerance, region=region
        )
        if isinstance(difference, str):
            raise HostError(difference)
        return difference


def read_picture(path: Path) -> bytes:
    """A file's content. Raises `HostError` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise HostError(f"cannot read {path}: {error.strerror}") from error

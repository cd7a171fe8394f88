"""The text in a picture of a screen, read by tesseract, and waiting for one.

A console's letters are 8 to 16 pixels high and bright on dark; tesseract is trained on dark print
of about three times that (its documentation, "Improving the quality of the output"). So a picture
is enlarged, and turned where it is dark.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from charly_vm.errors import HostError, ProbeError
from charly_vm.host.process import find_tool, run
from charly_vm.host.waiting import Deadline, NotYet, wait_for

SCALE = 3
DARK = 110
"""A mean brightness, of 255, below which letters are taken to be brighter than what is behind."""
READ_SECONDS = 60.0
EVERY_SECONDS = 1.0
SEEN_LINES = 3
ONE_BLOCK = "6"
"""tesseract's page segmentation for one block of text: a console has no columns to be found."""
ALIKE = str.maketrans("0|1!i", "ollll")
"""Letters of a console's font that tesseract takes for one another."""


def require_tesseract() -> Path:
    """The program that reads. Raises `HostError` that says what to install."""
    found = find_tool("tesseract")
    if found is None:
        raise HostError(
            "to read the text on a screen, tesseract is needed and is not installed",
            hint="install tesseract-ocr (apt), tesseract and tesseract-langpack-eng (dnf), or "
            "tesseract and tesseract-data-eng (pacman)",
        )
    return found


def read_text(picture: bytes, *, timeout: float = READ_SECONDS) -> str:
    """The text in a picture, line by line, without empty lines.

    Raises `HostError` where tesseract is not there and `LaunchError` where it fails.
    """
    tesseract = require_tesseract()
    with tempfile.TemporaryDirectory(prefix="charly-ocr-") as directory:
        path = Path(directory) / "screen.png"
        path.write_bytes(_prepare(picture))
        done = run(
            [tesseract, path, "stdout", "--psm", ONE_BLOCK],
            timeout=timeout,
            # Its threads cost more than they bring for one small picture (tesseract's FAQ).
            env={"OMP_THREAD_LIMIT": os.environ.get("OMP_THREAD_LIMIT", "1")},
        )
    lines = (line.strip() for line in done.stdout.splitlines())
    return "\n".join(line for line in lines if line)


def wait_for_text(wanted: str, screenshot: Callable[[], bytes], deadline: Deadline) -> str:
    """Return once a text can be read on the screen, with all that is read there.

    Raises `GuestTimeout` with the last lines that were read. A picture that is the same as the one
    before is not read again; one that is being read when the time is over is read to its end.
    """
    require_tesseract()
    before, read = b"", ""

    def probe() -> str | NotYet:
        nonlocal before, read
        try:
            picture = screenshot()
        except ProbeError as error:
            # A guest that changes its screen's mode, or boots anew, has none for a moment.
            return NotYet(error.message)
        if picture != before:
            read = read_text(picture)
            before = picture
        if holds_text(read, wanted):
            return read
        lines = read.splitlines()[-SEEN_LINES:]
        return NotYet(" / ".join(lines) if lines else "no text")

    return wait_for(f"{wanted!r} on the screen", probe, deadline, every=EVERY_SECONDS)


def holds_text(read: str, wanted: str) -> bool:
    """Whether a text is in what was read, whatever its case and its blanks. Letters that look the
    same in a console's font, such as 0 and O, are the same."""
    return _plain(wanted) in _plain(read)


def _plain(text: str) -> str:
    return "".join(text.split()).lower().translate(ALIKE)


def _prepare(picture: bytes) -> bytes:
    from PIL import Image, ImageOps, ImageStat

    try:
        with Image.open(io.BytesIO(picture)) as opened:
            grey = opened.convert("L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Of a broken PNG pillow raises SyntaxError.
        raise HostError(f"the screen's picture cannot be read: {error}") from error
    if ImageStat.Stat(grey).mean[0] < DARK:
        grey = ImageOps.invert(grey)
    large = grey.resize((grey.width * SCALE, grey.height * SCALE), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    large.save(written, "PNG")
    return written.getvalue()
